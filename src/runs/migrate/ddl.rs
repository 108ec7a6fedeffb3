//! The statements of one section: which are to be applied, and what became of them.

use tokio_util::sync::CancellationToken;

use crate::engine::apply::{self, Applied, Applying, Ask, Fate};
use crate::lane::Pace;
use crate::schema::convert::{Section, Statement};

use super::super::copy::Surroundings;
use super::super::error::Error;
use super::enter::Entered;
use super::settings::Settings;

/// Applies what a section lacks; by statement of the conversion what became of it, and what ended it early:
/// the loss of the target, or of the run.
pub(super) async fn section(
    section: Section,
    statements: &[Statement],
    entered: &mut Entered,
    settings: &Settings,
    surroundings: &Surroundings,
) -> (Vec<Fate>, Option<Error>) {
    let ask: Vec<Ask> = statements
        .iter()
        .map(|s| {
            if entered.known.contains_key(&s.object) {
                Ask::Before
            } else if s.section == section && settings.wants(s) {
                Ask::Apply
            } else {
                Ask::Leave
            }
        })
        .collect();
    let applying = applying(
        entered,
        settings,
        surroundings,
        surroundings.stop.child_token(),
    );
    let Applied { fates, failure } = apply::apply(&applying, statements, &ask).await;
    for (statement, fate) in statements.iter().zip(&fates) {
        if *fate == Fate::Done {
            let digest = crate::ledger::statement_digest(&statement.sql);
            entered.known.insert(statement.object.clone(), digest);
        }
    }
    (fates, failure.map(Error::from))
}

/// How many statements of a section are wanted, and how many of these are not applied yet.
pub(super) fn counts(
    section: Section,
    statements: &[Statement],
    entered: &Entered,
    settings: &Settings,
) -> (usize, usize) {
    let wanted = || {
        let all = statements.iter();
        all.filter(|s| s.section == section && settings.wants(s))
    };
    let left = wanted().filter(|s| !entered.known.contains_key(&s.object));
    (wanted().count(), left.count())
}

fn applying(
    entered: &Entered,
    settings: &Settings,
    surroundings: &Surroundings,
    stop: CancellationToken,
) -> Applying {
    Applying {
        run: entered.run.clone(),
        owner: entered.owner.clone(),
        target: entered.target.clone(),
        settings: entered.write.clone(),
        connections: settings.copy.jobs,
        continued: entered.continued,
        pace: Pace::new(settings.copy.retry_for),
        silence: settings.copy.io_timeout,
        limit: settings.statement_limit,
        events: surroundings.events.clone(),
        stop,
    }
}
