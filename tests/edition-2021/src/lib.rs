//! The same accepted functions as in `tests`, compiled in edition 2021.
