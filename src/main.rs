//! The program `wire9`.

fn main() {}
