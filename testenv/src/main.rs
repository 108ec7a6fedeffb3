//! The program `testenv`.

fn main() {}
