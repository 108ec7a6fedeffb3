//! Introspection, probe, session settings, snapshot keeper.
