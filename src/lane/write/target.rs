//! The lane's connection to the target, and the tokens that keep a zombie from committing.

use uuid::Uuid;

use crate::endpoint::session::{self, WriteSettings};
use crate::ledger;
use crate::planted::Mistake;
use crate::sql;
use crate::wire::Connection;

use super::super::decide::Stage;
use super::super::error::{Error, Result};
use super::super::pace::Tries;
use super::super::read::short;
use super::super::{Loading, Work};
use super::failure::{Cause, Failure};

/// The lane's connection to the target, and its tokens.
pub(super) struct Target<'a> {
    loading: &'a Loading,
    number: usize,
    pub(super) connection: Option<Connection>,
    settings: WriteSettings,
    /// Tokens that the lane's row may have; one, except while a move is in doubt.
    tokens: Vec<String>,
}

impl<'a> Target<'a> {
    pub(super) fn new(loading: &'a Loading, number: usize, token: String) -> Self {
        let mut settings = loading.settings.clone();
        settings.application_name(&application_name(loading, number));
        Self {
            loading,
            number,
            connection: None,
            settings,
            tokens: vec![token],
        }
    }

    pub(super) fn token(&self) -> &str {
        self.tokens.last().expect("there is always a token")
    }

    /// A connection inside a new transaction.
    pub(super) async fn begin(&mut self) -> Result<&mut Connection, Failure> {
        self.connected().await?;
        let connection = self.connection.as_mut().expect("it was made above");
        let begun = session::begin_write(connection, &self.settings).await;
        begun.map_err(|e| Failure {
            stage: Stage::Begin,
            cause: Cause::Endpoint(e),
        })?;
        Ok(connection)
    }

    /// A connection, made anew where it broke.
    pub(super) async fn connected(&mut self) -> Result<&mut Connection, Failure> {
        let failed = |cause| Failure {
            stage: Stage::Begin,
            cause,
        };
        if self.connection.as_ref().is_none_or(|c| !c.is_usable()) {
            let connected = Connection::connect(&self.loading.target).await;
            let mut connection = connected.map_err(|e| failed(Cause::Wire(e)))?;
            session::prepare_write(&mut connection, &mut self.settings)
                .await
                .map_err(|e| failed(Cause::Endpoint(e)))?;
            self.connection = Some(connection);
        }
        Ok(self.connection.as_mut().expect("it was made above"))
    }

    /// Rolls back; `false` where the connection is lost.
    pub(super) async fn rollback(&mut self) -> bool {
        let Some(connection) = &mut self.connection else {
            return true;
        };
        let done = connection.is_usable() && session::rollback(connection).await.is_ok();
        if !done {
            self.connection = None;
        }
        done
    }

    /// Moves the lane's token on over a new connection, and commits that, until it is decided.
    pub(super) async fn move_token(&mut self, work: &Work) -> Result<()> {
        let zombie = self.connection.take().and_then(|c| c.backend_pid());
        if Mistake::TokenOnlyRead.is_made() {
            return Ok(());
        }
        let next = Uuid::new_v4().to_string();
        let statement = ledger::lane_move(&self.loading.run, self.number, &self.tokens, &next);
        self.tokens.push(next);
        let moved = ledger::lane_move(&self.loading.run, self.number, &self.tokens, self.token());
        let mut statement = Some(statement);
        let mut tries = Tries::new(self.loading.pace);
        loop {
            // From the second try on the row may have the new token already.
            let sql = statement.take().unwrap_or_else(|| moved.clone());
            match self.try_move(&sql, zombie).await {
                Ok(true) => break,
                Ok(false) => return Err(Error::TakenOver),
                Err(failure) => {
                    self.rollback().await;
                    self.loading.board.pulse().beat();
                    if !tries.again(failure.heard(), &self.loading.stop).await {
                        let place = work.place(None);
                        let source = failure.into_endpoint_error();
                        return Err(Error::Target { place, source });
                    }
                }
            }
        }
        let token = self.tokens.pop().expect("it was pushed above");
        self.tokens = vec![token];
        Ok(())
    }

    async fn try_move(&mut self, sql: &str, zombie: Option<i32>) -> Result<bool, Failure> {
        self.terminate(zombie).await?;
        let failed = |e| Failure {
            stage: Stage::Ledger,
            cause: Cause::Wire(e),
        };
        let connection = self.begin().await?;
        let tag = connection.query(sql).await.map_err(failed)?.tag;
        if tag.as_str() != "UPDATE 1" {
            self.rollback().await;
            return Ok(false);
        }
        let tag = connection.query("COMMIT").await.map_err(failed)?.tag;
        if tag.as_str() == "COMMIT" {
            Ok(true)
        } else {
            Err(Failure {
                stage: Stage::Commit,
                cause: Cause::NotCommitted,
            })
        }
    }

    /// Ends the old backend where the target has that: what it has under way then rolls back at once
    /// instead of when its timeout comes. Only a courtesy: refusals do not matter.
    async fn terminate(&mut self, zombie: Option<i32>) -> Result<(), Failure> {
        let Some(pid) = zombie.filter(|_| self.loading.terminate_backend) else {
            return Ok(());
        };
        let name = sql::literal(&application_name(self.loading, self.number));
        self.begin().await?;
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        // Process numbers are used again: only a backend of this very lane is meant.
        let statement = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {pid} AND \
             application_name = {name} AND pid <> pg_backend_pid()"
        );
        let _ = connection.query(&statement).await;
        self.rollback().await;
        Ok(())
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

fn application_name(loading: &Loading, number: usize) -> String {
    format!("wire9/{}/{number}", short(&loading.run))
}
