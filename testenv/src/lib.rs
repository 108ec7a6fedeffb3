//! The judge of wire9: clusters, sample data, the DB9 stand-in, faults, equality. It shares no code
//! with wire9.
