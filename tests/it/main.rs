//! The one integration binary: each more would link polars again.

mod reference_fits;
