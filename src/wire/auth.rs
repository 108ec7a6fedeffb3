//! The password exchange, as a state machine without IO: each Authentication message of the server
//! goes in, the answer is appended to the buffer.
//!
//! ```text
//! Start ─ Ok ───────────────────────────────────────────▶ Done
//!   ├─ CleartextPassword, MD5Password ─▶ Answered ─ Ok ──▶ Done
//!   └─ SASL ─▶ First ─ Continue ─▶ Proof ─ Final ─▶ Answered ─ Ok ─▶ Done
//! ```

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    self, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::frontend;

use super::frame::Fields;
use super::secret::Secret;
use super::settings::ChannelBinding;

/// With what a user proves who they are, and what is allowed.
pub(super) struct Credentials<'a> {
    pub user: &'a str,
    pub password: Option<Secret>,
    /// Why there is no password, where that is known.
    pub missing: Option<String>,
    pub channel_binding: ChannelBinding,
    /// Whether the password may be sent as it is.
    pub cleartext_allowed: bool,
    pub encrypted: bool,
    /// Hash of the server's certificate, where there is one.
    pub end_point: Option<Vec<u8>>,
}

/// The exchange with one server.
pub(super) struct Exchange<'a> {
    credentials: Credentials<'a>,
    state: State,
    kind: &'static str,
}

enum State {
    Start,
    First(ScramSha256),
    Proof(ScramSha256),
    Answered,
    Done,
    Failed,
}

/// Why the exchange ends; never holds the password.
pub(super) type Refusal = String;

impl<'a> Exchange<'a> {
    pub(super) fn new(credentials: Credentials<'a>) -> Self {
        Self {
            credentials,
            state: State::Start,
            kind: "trust",
        }
    }

    /// How the user was authenticated, once the server is content.
    pub(super) fn done(&self) -> Option<&'static str> {
        matches!(self.state, State::Done).then_some(self.kind)
    }

    /// Answers the body of one Authentication message.
    ///
    /// # Errors
    /// What is asked for and not allowed, not there or not understood.
    pub(super) fn answer(&mut self, body: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        let mut fields = Fields::of(body);
        let kind = fields.i32().ok_or("the server's request can not be read")?;
        let state = std::mem::replace(&mut self.state, State::Failed);
        self.state = match (kind, state) {
            (0, State::Start | State::Answered) => self.finish()?,
            (3, State::Start) => self.cleartext(out)?,
            (5, State::Start) => self.md5(fields, out)?,
            (10, State::Start) => self.sasl(fields, out)?,
            (11, State::First(scram)) => prove(scram, fields.rest(), out)?,
            (12, State::Proof(scram)) => verify(scram, fields.rest())?,
            (0 | 3 | 5 | 10 | 11 | 12, _) => {
                return Err("the server's requests come in an order that proves nothing".into());
            }
            (other, _) => return Err(format!("the server asks for {}", method(other))),
        };
        Ok(())
    }

    fn finish(&self) -> Result<State, Refusal> {
        if self.credentials.channel_binding == ChannelBinding::Require
            && self.kind != "scram-sha-256-plus"
        {
            return Err("channel_binding=require, and the server did not use it".into());
        }
        Ok(State::Done)
    }

    fn cleartext(&mut self, out: &mut BytesMut) -> Result<State, Refusal> {
        self.refuse_unbound()?;
        if !self.credentials.cleartext_allowed {
            return Err(
                "the server asks for the password in clear over an unencrypted connection; \
                        use sslmode=require"
                    .into(),
            );
        }
        self.send_password(
            "password",
            self.password()?.reveal().as_bytes().to_vec(),
            out,
        )
    }

    fn md5(&mut self, mut fields: Fields<'_>, out: &mut BytesMut) -> Result<State, Refusal> {
        self.refuse_unbound()?;
        let salt = fields.bytes(4).and_then(|salt| salt.try_into().ok());
        let salt = salt.ok_or("the server's request can not be read")?;
        let password = self.password()?.reveal().as_bytes();
        let hash = md5_hash(self.credentials.user.as_bytes(), password, salt);
        self.send_password("md5", hash.into_bytes(), out)
    }

    fn send_password(
        &mut self,
        kind: &'static str,
        answer: Vec<u8>,
        out: &mut BytesMut,
    ) -> Result<State, Refusal> {
        self.kind = kind;
        frontend::password_message(&answer, out).map_err(|_| "the password holds a NUL byte")?;
        Ok(State::Answered)
    }

    fn sasl(&mut self, mut fields: Fields<'_>, out: &mut BytesMut) -> Result<State, Refusal> {
        let mut offered = Vec::new();
        while let Some(name) = fields.cstr().filter(|name| !name.is_empty()) {
            offered.push(name);
        }
        let offers = |name: &str| offered.contains(&name.as_bytes());
        let (mechanism, binding) =
            self.mechanism(offers(SCRAM_SHA_256), offers(SCRAM_SHA_256_PLUS))?;
        let scram = ScramSha256::new(self.password()?.reveal().as_bytes(), binding);
        frontend::sasl_initial_response(mechanism, scram.message(), out)
            .map_err(|_| "the first SCRAM message can not be built")?;
        let plus = mechanism == SCRAM_SHA_256_PLUS;
        self.kind = if plus {
            "scram-sha-256-plus"
        } else {
            "scram-sha-256"
        };
        Ok(State::First(scram))
    }

    /// Chooses between SCRAM-SHA-256 and -PLUS, and what the first is told about the second: a server
    /// that supports binding and did not offer it was tampered with on the way.
    fn mechanism(
        &self,
        plain: bool,
        plus: bool,
    ) -> Result<(&'static str, sasl::ChannelBinding), Refusal> {
        let Credentials {
            channel_binding,
            end_point,
            encrypted,
            ..
        } = &self.credentials;
        let wanted = *channel_binding != ChannelBinding::Disable;
        match end_point {
            Some(hash) if plus && wanted => {
                let binding = sasl::ChannelBinding::tls_server_end_point(hash.clone());
                return Ok((SCRAM_SHA_256_PLUS, binding));
            }
            _ => self.refuse_unbound()?,
        }
        if !plain {
            return Err(
                "the server offers no SASL mechanism that wire9 speaks (SCRAM-SHA-256)".into(),
            );
        }
        let could_bind = wanted && *encrypted && end_point.is_some();
        let binding = if could_bind {
            sasl::ChannelBinding::unrequested()
        } else {
            sasl::ChannelBinding::unsupported()
        };
        Ok((SCRAM_SHA_256, binding))
    }

    fn refuse_unbound(&self) -> Result<(), Refusal> {
        let credentials = &self.credentials;
        if credentials.channel_binding != ChannelBinding::Require {
            return Ok(());
        }
        Err(match (&credentials.end_point, credentials.encrypted) {
            (_, false) => "channel_binding=require needs an encrypted connection".into(),
            (None, true) => {
                "channel_binding=require, and the server's certificate is signed in a way \
                             that has no binding"
                    .into()
            }
            (Some(_), true) => "channel_binding=require, and the server does not offer it".into(),
        })
    }

    fn password(&self) -> Result<&Secret, Refusal> {
        self.credentials.password.as_ref().ok_or_else(|| {
            let reason = "the server asks for a password and none is given";
            match &self.credentials.missing {
                Some(missing) => format!("{reason} ({missing})"),
                None => reason.to_owned(),
            }
        })
    }
}

fn prove(mut scram: ScramSha256, body: &[u8], out: &mut BytesMut) -> Result<State, Refusal> {
    scram
        .update(body)
        .map_err(|_| "the server's SCRAM challenge makes no sense")?;
    frontend::sasl_response(scram.message(), out)
        .map_err(|_| "the second SCRAM message can not be built")?;
    Ok(State::Proof(scram))
}

fn verify(mut scram: ScramSha256, body: &[u8]) -> Result<State, Refusal> {
    scram
        .finish(body)
        .map_err(|_| "the server did not prove that it knows the password")?;
    Ok(State::Answered)
}

/// Source: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
fn method(kind: i32) -> &'static str {
    match kind {
        2 => "Kerberos V5, which wire9 does not speak",
        6 => "an SCM credential, which wire9 does not speak",
        7 | 8 => "GSSAPI, which wire9 does not speak",
        9 => "SSPI, which wire9 does not speak",
        _ => "an unknown kind of authentication",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials<'static> {
        Credentials {
            user: "ann",
            password: Some(Secret::new("hunter2")),
            missing: None,
            channel_binding: ChannelBinding::Prefer,
            cleartext_allowed: false,
            encrypted: false,
            end_point: None,
        }
    }

    fn request(kind: i32, rest: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], rest].concat()
    }

    fn first_answer(
        credentials: Credentials<'_>,
        kind: i32,
        rest: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let mut out = BytesMut::new();
        Exchange::new(credentials).answer(&request(kind, rest), &mut out)?;
        Ok(out.to_vec())
    }

    #[test]
    fn a_cleartext_password_is_not_sent_unencrypted() {
        let refusal = first_answer(credentials(), 3, b"").unwrap_err();
        assert!(
            refusal.contains("sslmode=require") && !refusal.contains("hunter2"),
            "{refusal}"
        );
        let allowed = Credentials {
            cleartext_allowed: true,
            ..credentials()
        };
        assert_eq!(
            first_answer(allowed, 3, b"").unwrap(),
            b"p\0\0\0\x0chunter2\0"
        );
    }

    #[test]
    fn md5_answers_with_the_salted_hash() {
        let answer = first_answer(credentials(), 5, b"salt").unwrap();
        assert!(answer[5..].starts_with(b"md5"));
        assert!(first_answer(credentials(), 5, b"sal").is_err());
    }

    #[test]
    fn channel_binding_is_used_where_the_server_offers_it() {
        let both = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
        let bound = || Credentials {
            encrypted: true,
            end_point: Some(vec![1; 32]),
            ..credentials()
        };
        let sent = |answer: Vec<u8>| String::from_utf8_lossy(&answer).into_owned();
        let answer = sent(first_answer(bound(), 10, both).unwrap());
        assert!(answer.contains("SCRAM-SHA-256-PLUS") && answer.contains("p=tls-server-end-point"));
        let disabled = Credentials {
            channel_binding: ChannelBinding::Disable,
            ..bound()
        };
        assert!(sent(first_answer(disabled, 10, both).unwrap()).contains("n,,"));
        let answer = sent(first_answer(bound(), 10, b"SCRAM-SHA-256\0\0").unwrap());
        assert!(
            answer.contains("y,,"),
            "the server learns that binding would have been possible"
        );
    }

    #[test]
    fn required_channel_binding_refuses_everything_less() {
        let required = || Credentials {
            channel_binding: ChannelBinding::Require,
            encrypted: true,
            cleartext_allowed: true,
            end_point: Some(vec![1; 32]),
            ..credentials()
        };
        for (kind, rest) in [
            (0, &b""[..]),
            (3, b""),
            (5, b"salt"),
            (10, b"SCRAM-SHA-256\0\0"),
            (10, b""),
        ] {
            let refusal = first_answer(required(), kind, rest).unwrap_err();
            assert!(
                refusal.contains("channel_binding=require"),
                "{kind}: {refusal}"
            );
        }
    }

    #[test]
    fn a_server_that_skips_its_proof_is_refused() {
        let mut exchange = Exchange::new(credentials());
        let mut out = BytesMut::new();
        exchange
            .answer(&request(10, b"SCRAM-SHA-256\0\0"), &mut out)
            .unwrap();
        assert!(exchange.answer(&request(0, b""), &mut out).is_err());
        assert!(exchange.answer(&request(12, b"v=AAAA"), &mut out).is_err());
    }

    #[test]
    fn a_missing_password_is_told_with_its_reason() {
        let none = Credentials {
            password: None,
            missing: Some("~/.pgpass was not used".into()),
            ..credentials()
        };
        let refusal = first_answer(none, 5, b"salt").unwrap_err();
        assert!(
            refusal.contains("none is given (~/.pgpass was not used)"),
            "{refusal}"
        );
    }

    #[test]
    fn no_request_makes_the_exchange_panic() {
        for kind in -1..20 {
            for rest in [
                &b""[..],
                b"x",
                b"SCRAM-SHA-256",
                b"SCRAM-SHA-256\0\0",
                b"\0",
            ] {
                let mut exchange = Exchange::new(credentials());
                let mut out = BytesMut::new();
                for second in [0, 3, 10, 11, 12] {
                    let _ = exchange.answer(&request(kind, rest), &mut out);
                    let _ = exchange.answer(&request(second, rest), &mut out);
                }
            }
        }
        assert!(
            Exchange::new(credentials())
                .answer(b"", &mut BytesMut::new())
                .is_err()
        );
    }
}
