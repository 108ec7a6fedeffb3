//! Which table comes after which, by foreign keys. Pure.

/// Places of tables, each after the tables that it refers to; `parents` of a table are places, too. Where
/// tables refer to each other in a circle, one of them comes too early.
pub(super) fn parents_first(parents: &[&[usize]]) -> Vec<usize> {
    let mut order = Vec::with_capacity(parents.len());
    let mut seen = vec![false; parents.len()];
    // Tables that wait for their parents, each with the parents that were not looked at yet.
    let mut waiting: Vec<(usize, &[usize])> = Vec::new();
    for first in 0..parents.len() {
        if !seen[first] {
            seen[first] = true;
            waiting.push((first, parents[first]));
        }
        while let Some((table, rest)) = waiting.pop() {
            let Some((&parent, rest)) = rest.split_first() else {
                order.push(table);
                continue;
            };
            waiting.push((table, rest));
            if seen.get(parent) == Some(&false) {
                seen[parent] = true;
                waiting.push((parent, parents[parent]));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_comes_once_and_after_its_parents() {
        let parents: [&[usize]; 5] = [&[3, 1], &[2], &[], &[1], &[0, 4]];
        let order = parents_first(&parents);
        let place = |table: usize| order.iter().position(|&t| t == table).expect("it is there");
        assert_eq!(order.len(), 5);
        for (child, parents) in parents.iter().enumerate() {
            let others = parents.iter().filter(|&&p| p != child);
            assert!(others.into_iter().all(|&p| place(p) < place(child)));
        }
    }

    #[test]
    fn a_circle_ends_and_loses_no_table() {
        let mut order = parents_first(&[&[1], &[2], &[0], &[9]]);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3]);
    }
}
