//! CHECKs that are NOT VALID: after the rows, some of which may break them.

use crate::catalog::database::{Class, Object};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::convert::build::LateCheck;
use crate::sql;

use super::stance::{NOT_DOCUMENTED, Stance};
use super::{Changes, Made, Post};

impl Post<'_, '_> {
    /// Makes them where the target takes NOT VALID; where it does not, the first section has left them out.
    pub(super) fn late_checks(&mut self) {
        for check in std::mem::take(&mut self.build.late_checks) {
            self.late_check(&check);
        }
    }

    fn late_check(&mut self, check: &LateCheck) {
        let Some(home) = self.homes.of(check.table).cloned() else {
            return;
        };
        let mut changes = Changes::new();
        if Stance::of(&self.build.profile.not_valid_constraints) == Stance::Open {
            changes.push((&NOT_DOCUMENTED, "CHECK … NOT VALID".to_owned()));
        }
        let name = sql::identifier(&check.name);
        let inherit = if check.no_inherit { " NO INHERIT" } else { "" };
        let made = Made {
            makes: Makes::Check,
            readable: format!("check {}.{}", home.name, readable(&check.name)),
            sql: format!(
                "ALTER TABLE {} ADD CONSTRAINT {name} CHECK ({}){inherit} NOT VALID",
                home.name.quoted(),
                check.condition
            ),
            name: home.name,
            needs: vec![Object::new(Class::Relation, check.table)],
        };
        let object = Object::new(Class::Constraint, check.oid);
        self.add(Some(object), made, changes);
    }
}
