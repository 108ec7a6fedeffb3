//! The order-free fingerprint of rows.

/// Count of rows plus the sum, modulo 2^128, of a 128-bit hash of each row's COPY text without its
/// newline. Sums, unlike XOR, see doubled rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Sum of the row hashes modulo 2^128.
    pub sum: u128,
}
