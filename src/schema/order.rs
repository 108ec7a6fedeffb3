//! The order of the load that foreign keys ask for.

use super::refusal::{Problem, Refusal, Refusals};
use super::{Matching, Target};

/// Waves of target tables (indexes into `Matching::targets`): the tables of a wave refer only to
/// tables of earlier waves.
///
/// # Errors
/// Every foreign key of a table to itself, and a circle for each group of tables that has one.
pub fn load_order(matching: &Matching) -> Result<Vec<Vec<usize>>, Refusals> {
    let targets = &matching.targets;
    let mut refusals = self_references(targets);
    let mut waves = Vec::new();
    let mut done = vec![false; targets.len()];
    loop {
        let ready: Vec<usize> = (0..targets.len())
            .filter(|&t| !done[t] && targets[t].parents.iter().all(|&p| done[p]))
            .collect();
        if !ready.is_empty() {
            ready.iter().for_each(|&t| done[t] = true);
            waves.push(ready);
        } else if let Some(first) = done.iter().position(|done| !done) {
            // Nothing can go next: what is left hangs on a circle. Taking it out finds the others.
            let circle = circle(targets, &done, first);
            refusals.push(refusal(targets, &circle));
            circle.iter().for_each(|&t| done[t] = true);
        } else {
            return refusals.or(waves);
        }
    }
}

fn self_references(targets: &[Target]) -> Refusals {
    let mut refusals = Refusals::default();
    for (index, target) in targets.iter().enumerate() {
        for reference in target.references.iter().filter(|r| r.parent == index) {
            let constraint = reference.constraint.clone();
            refusals.push(Refusal::table(
                &target.name,
                Problem::SelfReference { constraint },
            ));
        }
    }
    refusals
}

/// Follows unfinished parents until a table comes again: every table that is not done has one.
fn circle(targets: &[Target], done: &[bool], first: usize) -> Vec<usize> {
    let mut path = Vec::new();
    let mut next = Some(first);
    while let Some(table) = next {
        if let Some(start) = path.iter().position(|&t| t == table) {
            return path.split_off(start);
        }
        path.push(table);
        next = targets[table].parents.iter().copied().find(|&p| !done[p]);
    }
    path
}

fn refusal(targets: &[Target], circle: &[usize]) -> Refusal {
    let following = circle.iter().cycle().skip(1);
    let mut constraints = Vec::new();
    for (&child, &parent) in circle.iter().zip(following) {
        let references = targets[child].references.iter();
        constraints.extend(
            references
                .filter(|r| r.parent == parent)
                .map(|r| r.constraint.clone()),
        );
    }
    let tables = circle.iter().map(|&t| targets[t].name.clone()).collect();
    Refusal::table(
        &targets[circle[0]].name,
        Problem::Cycle {
            tables,
            constraints,
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::TableName;
    use crate::schema::Reference;

    /// Tables t0, t1 … with foreign keys (child, parent) named `child_parent`.
    fn tables(count: usize, keys: &[(usize, usize)]) -> Matching {
        let target = |index| {
            let mine = || keys.iter().filter(move |(child, _)| *child == index);
            Target {
                name: TableName::new("s", format!("t{index}")),
                parents: mine().map(|k| k.1).filter(|&p| p != index).collect(),
                triggers: Vec::new(),
                references: mine()
                    .map(|(child, parent)| Reference {
                        constraint: format!("k{child}_{parent}"),
                        parent: *parent,
                    })
                    .collect(),
                rows: None,
            }
        };
        Matching {
            targets: (0..count).map(target).collect(),
            ..Matching::default()
        }
    }

    #[test]
    fn children_come_after_all_their_parents() {
        let waves = load_order(&tables(4, &[(0, 1), (0, 2), (1, 2)]));
        assert_eq!(waves, Ok(vec![vec![2, 3], vec![1], vec![0]]));
        assert_eq!(load_order(&tables(0, &[])), Ok(Vec::new()));
    }

    #[test]
    fn self_references_and_all_circles_are_named_at_once() {
        let keys = [(0, 0), (1, 2), (2, 1), (3, 4), (4, 5), (5, 3), (0, 3)];
        let refusals = load_order(&tables(6, &keys)).expect_err("three problems");
        assert_eq!(refusals.list().len(), 3);
        let text = refusals.to_string();
        assert!(text.contains("the foreign key k0_0 refers to the table itself"));
        assert!(text.contains("s.t1, s.t2 (k1_2, k2_1)"), "{text}");
        assert!(
            text.contains("s.t3, s.t4, s.t5 (k3_4, k4_5, k5_3)"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn every_table_comes_once_and_after_its_parents(keys in prop::collection::vec((0usize..9, 0usize..9), 0..20)) {
            let keys: Vec<_> = keys.into_iter().filter(|(child, parent)| child > parent).collect();
            let waves = load_order(&tables(9, &keys)).expect("no circle is possible");
            let wave = |t: usize| waves.iter().position(|w| w.contains(&t)).expect("it comes");
            prop_assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), 9);
            for (child, parent) in keys {
                prop_assert!(wave(child) > wave(parent));
            }
        }
    }
}
