//! Many small questions to the target, some at once: thousands of sequences are some dozen round trips.

use tokio::time::{Duration, sleep};

use crate::endpoint::{self, session};
use crate::ledger;
use crate::wire::Reply;

use super::super::error::Error;
use super::enter::Entered;

/// Questions of one statement.
const AT_ONCE: usize = 50;

/// Waits before a group is asked again over a new connection.
const PAUSES: [u64; 6] = [100, 200, 500, 1_000, 3_000, 5_000];

/// By question: its row; `None` where there was none, or the target refuses to answer.
pub(super) type Answers = Vec<Option<Vec<Option<String>>>>;

/// How the transaction of the questions ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// They only read.
    Rollback,
    /// What they call has an effect, which is the same however often they are asked.
    Commit,
}

/// Asks `SELECT question` of each, which answers at most one row of two texts.
pub(super) async fn ask(
    entered: &mut Entered,
    questions: &[Option<String>],
    after: After,
) -> Result<Answers, Error> {
    let mut answers: Answers = vec![None; questions.len()];
    let asked = questions.iter().enumerate();
    let asked: Vec<(usize, &str)> = asked
        .filter_map(|(i, question)| Some((i, question.as_deref()?)))
        .collect();
    for group in asked.chunks(AT_ONCE) {
        if let Some(reply) = reply(entered, group, after).await? {
            enter(&reply, &mut answers);
            continue;
        }
        for one in group {
            if let Some(reply) = reply(entered, &[*one], after).await? {
                enter(&reply, &mut answers);
            }
        }
    }
    Ok(answers)
}

fn enter(reply: &Reply, answers: &mut Answers) {
    for row in &reply.rows {
        let number = row
            .first()
            .and_then(|n| n.as_deref()?.parse::<usize>().ok());
        if let Some(answer) = number.and_then(|n| answers.get_mut(n)) {
            *answer = Some(row[1..].to_vec());
        }
    }
}

/// `None` where the target refuses to answer.
async fn reply(
    entered: &mut Entered,
    group: &[(usize, &str)],
    after: After,
) -> Result<Option<Reply>, Error> {
    let questions: Vec<String> = group
        .iter()
        .map(|(number, question)| format!("SELECT {number}, {question}"))
        .collect();
    let sql = questions.join(" UNION ALL ");
    let mut pauses = PAUSES.iter();
    loop {
        let error = match attempt(entered, &sql, after).await {
            Ok(reply) => return Ok(Some(reply)),
            Err(error) => error,
        };
        if error.code().is_some_and(|code| !passing(code)) {
            return Ok(None);
        }
        match pauses.next() {
            Some(pause) => sleep(Duration::from_millis(*pause)).await,
            None => return Err(error.into()),
        }
    }
}

async fn attempt(entered: &mut Entered, sql: &str, after: After) -> Result<Reply, endpoint::Error> {
    let wire = |source| endpoint::Error::Wire {
        doing: "asking the target for its sequences and rows".to_owned(),
        source,
    };
    let connection = match entered.ledger.connection().await {
        Ok(connection) => connection,
        Err(ledger::Error::Wire { source, .. }) => return Err(wire(source)),
        Err(error) => {
            return Err(endpoint::Error::Unexpected {
                what: error.to_string(),
            });
        }
    };
    // In a transaction, so that the settings hold: the timeouts are lifted.
    session::begin_write(connection, &entered.write).await?;
    let reply = connection.query(sql).await;
    if after == After::Commit && reply.is_ok() {
        connection.query("COMMIT").await.map_err(wire)?;
    } else {
        session::rollback(connection).await?;
    }
    reply.map_err(wire)
}

/// Whether the same question may be answered a moment later.
fn passing(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("57P") || matches!(code, "40001" | "40P01" | "53300")
}
