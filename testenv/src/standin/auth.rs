//! The server's side of the password exchanges: cleartext, MD5, SCRAM-SHA-256 and -PLUS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::limits::PasswordExchange;

/// PostgreSQL's own number of rounds (`SCRAM_SHA_256_DEFAULT_ITERATIONS`).
const ROUNDS: u32 = 4096;

/// Codes of the Authentication messages.
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// What follows a client's answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// The body of an Authentication message; an answer is awaited.
    Ask(Vec<u8>),
    /// Accepted; the body of a last Authentication message before AuthenticationOk, if any.
    Accepted(Option<Vec<u8>>),
    /// Refused.
    Refused,
}

/// One exchange with one client.
pub(crate) struct Exchange<'a> {
    user: &'a str,
    secrets: Vec<String>,
    /// The hash of the certificate (`tls-server-end-point`), where -PLUS is offered.
    binding: Option<Vec<u8>>,
    state: State,
}

enum State {
    Cleartext,
    Md5 { salt: [u8; 4] },
    ScramFirst,
    ScramFinal(Scram),
}

struct Scram {
    client_first_bare: String,
    server_first: String,
    gs2_header: String,
    nonce: String,
    salt: [u8; 16],
    plus: bool,
}

impl<'a> Exchange<'a> {
    /// An exchange in which any of `secrets` is right.
    pub(crate) fn new(
        kind: PasswordExchange,
        user: &'a str,
        secrets: Vec<String>,
        certificate_hash: &[u8],
    ) -> Exchange<'a> {
        let state = match kind {
            PasswordExchange::Cleartext => State::Cleartext,
            PasswordExchange::Md5 => State::Md5 {
                salt: rand::random(),
            },
            PasswordExchange::Scram | PasswordExchange::ScramPlus => State::ScramFirst,
        };
        let plus = kind == PasswordExchange::ScramPlus;
        Exchange {
            user,
            secrets,
            binding: plus.then(|| certificate_hash.to_vec()),
            state,
        }
    }

    /// The body of the first Authentication message.
    pub(crate) fn challenge(&self) -> Vec<u8> {
        match &self.state {
            State::Cleartext => request(CLEARTEXT, b""),
            State::Md5 { salt } => request(MD5, salt),
            _ if self.binding.is_some() => request(SASL, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
            _ => request(SASL, b"SCRAM-SHA-256\0\0"),
        }
    }

    /// Judges the body of a client's `p` message.
    pub(crate) fn answer(&mut self, body: &[u8]) -> Step {
        let refused_unless = |right: bool| {
            if right {
                Step::Accepted(None)
            } else {
                Step::Refused
            }
        };
        match &self.state {
            State::Cleartext => refused_unless(self.is_secret(body)),
            State::Md5 { salt } => refused_unless(self.is_md5(body, *salt)),
            State::ScramFirst => self.scram_first(body).unwrap_or(Step::Refused),
            State::ScramFinal(scram) => self.scram_final(scram, body).unwrap_or(Step::Refused),
        }
    }

    fn is_secret(&self, body: &[u8]) -> bool {
        let given = body.strip_suffix(b"\0").unwrap_or(body);
        self.secrets.iter().any(|secret| secret.as_bytes() == given)
    }

    fn is_md5(&self, body: &[u8], salt: [u8; 4]) -> bool {
        let given = body.strip_suffix(b"\0").unwrap_or(body);
        self.secrets.iter().any(|secret| {
            let inner = hex(&Md5::digest(format!("{secret}{}", self.user)));
            let outer = hex(&Md5::digest([inner.as_bytes(), &salt].concat()));
            format!("md5{outer}").as_bytes() == given
        })
    }

    /// SASLInitialResponse: mechanism, length, client-first-message.
    fn scram_first(&mut self, body: &[u8]) -> Option<Step> {
        let end = body.iter().position(|&byte| byte == 0)?;
        let plus = match &body[..end] {
            b"SCRAM-SHA-256" => false,
            b"SCRAM-SHA-256-PLUS" if self.binding.is_some() => true,
            _ => return None,
        };
        let message = std::str::from_utf8(body.get(end + 5..)?).ok()?;
        let (gs2_header, client_first_bare) = split_gs2(message)?;
        // "y" says "I could bind, and you could not": an attack, where -PLUS was offered.
        let bound = gs2_header.starts_with("p=tls-server-end-point,");
        if plus != bound || (gs2_header.starts_with('y') && self.binding.is_some()) {
            return None;
        }
        let client_nonce = client_first_bare
            .split(',')
            .find_map(|part| part.strip_prefix("r="))?;
        let nonce = format!(
            "{client_nonce}{}",
            BASE64.encode(rand::random::<[u8; 18]>())
        );
        let salt: [u8; 16] = rand::random();
        let server_first = format!("r={nonce},s={},i={ROUNDS}", BASE64.encode(salt));
        let reply = request(SASL_CONTINUE, server_first.as_bytes());
        self.state = State::ScramFinal(Scram {
            client_first_bare: client_first_bare.to_owned(),
            server_first,
            gs2_header: gs2_header.to_owned(),
            nonce,
            salt,
            plus,
        });
        Some(Step::Ask(reply))
    }

    /// SASLResponse: client-final-message.
    fn scram_final(&self, scram: &Scram, body: &[u8]) -> Option<Step> {
        let message = std::str::from_utf8(body).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let proof = BASE64.decode(proof).ok()?;
        let mut expected = scram.gs2_header.clone().into_bytes();
        if scram.plus {
            expected.extend_from_slice(self.binding.as_ref()?);
        }
        let header = format!("c={},r={}", BASE64.encode(expected), scram.nonce);
        if without_proof != header {
            return None;
        }
        let signed = format!(
            "{},{},{without_proof}",
            scram.client_first_bare, scram.server_first
        );
        let signature = self
            .secrets
            .iter()
            .find_map(|secret| check_proof(secret, scram, &signed, &proof))?;
        let last = format!("v={}", BASE64.encode(signature));
        Some(Step::Accepted(Some(request(SASL_FINAL, last.as_bytes()))))
    }
}

/// The server's signature, if the client's proof shows that it knows the secret.
fn check_proof(secret: &str, scram: &Scram, signed: &str, proof: &[u8]) -> Option<Vec<u8>> {
    let salted = salted_password(secret.as_bytes(), &scram.salt);
    let client_key = mac(&salted, b"Client Key");
    let stored_key = Sha256::digest(&client_key);
    let signature = mac(&stored_key, signed.as_bytes());
    let right: Vec<u8> = client_key
        .iter()
        .zip(&signature)
        .map(|(a, b)| a ^ b)
        .collect();
    (right == proof).then(|| mac(&mac(&salted, b"Server Key"), signed.as_bytes()))
}

fn salted_password(secret: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut last = mac(secret, &[salt, &1u32.to_be_bytes()].concat());
    let mut sum = last.clone();
    for _ in 1..ROUNDS {
        last = mac(secret, &last);
        sum.iter_mut().zip(&last).for_each(|(a, b)| *a ^= b);
    }
    sum
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// The GS2 header with its trailing comma, and the rest.
fn split_gs2(message: &str) -> Option<(&str, &str)> {
    let flag = message.find(',')?;
    let name = message[flag + 1..].find(',')?;
    Some(message.split_at(flag + 1 + name + 1))
}

fn request(code: u32, data: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), data].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3.
    #[test]
    fn the_scram_example_of_the_rfc_is_accepted() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let scram = Scram {
            client_first_bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".into(),
            server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                           s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
                .into(),
            gs2_header: "n,,".into(),
            nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".into(),
            salt: salt.try_into().unwrap(),
            plus: false,
        };
        let exchange = Exchange {
            user: "user",
            secrets: vec!["other".into(), "pencil".into()],
            binding: None,
            state: State::ScramFirst,
        };
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let Some(Step::Accepted(Some(reply))) = exchange.scram_final(&scram, last) else {
            panic!("refused");
        };
        assert_eq!(
            &reply[4..],
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }
}
