//! stub
/// What a target accepts.
#[derive(Debug, Clone)]
pub struct Profile {}
