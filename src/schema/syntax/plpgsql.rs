//! Bodies in PL/pgSQL by PostgreSQL's own PL/pgSQL parser.

use super::lexer::Lexed;
use super::wanted::Wanted;
use super::{Names, NotParsed};

/// The body with the replacements made.
pub(super) fn rewritten(
    _lexed: &Lexed<'_>,
    _place: (usize, usize),
    _body: &str,
    _wanted: &Wanted<'_>,
) -> Result<String, NotParsed> {
    Err(NotParsed("its body is in PL/pgSQL".to_owned()))
}

/// What the body names.
pub(super) fn collect_names(
    _lexed: &Lexed<'_>,
    _place: (usize, usize),
    _names: &mut Names,
) -> Result<(), NotParsed> {
    Ok(())
}
