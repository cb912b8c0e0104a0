//! One deterministic arithmetic for the whole crate: elementary and special functions in pure Rust.
//!
//! Nothing here calls the C library or a `std` method whose result may differ between platforms, and Rust never
//! fuses a multiplication with an addition on its own, so each function gives the same bits on every x86-64
//! machine, whichever vector instructions it has. What this room does not do: complex arguments, other
//! precisions, and reporting of errors: an argument outside a function's domain gives `NaN`.

mod bessel;
mod debye;
mod elementary;
mod gamma;
mod incomplete_gamma;
mod kolmogorov;
mod noncentral;
mod noncentral_tail;
mod normal;
mod normal_quantile;
mod polygamma;
mod student;

pub use bessel::{BesselI, bessel_i, ln_bessel_i_scaled};
pub use elementary::{
    acos, asin, atan, atan2, cos, cosh, erf, erfc, exp, exp_m1, gamma, hypot, ln, ln_1p, pow, powi, sin, sinh, tan,
    tanh,
};
pub use gamma::{digamma, ln_gamma};
pub use incomplete_gamma::{chi_square_sf, gamma_p, gamma_q};
pub use kolmogorov::kolmogorov_sf;
pub use noncentral::{ncx2_ln_pdf, ncx2_quantile};
pub use noncentral_tail::{ncx2_cdf, ncx2_sf};
pub use normal::{normal_cdf, normal_ln_cdf, normal_ln_pdf, normal_pdf, normal_sf};
pub use normal_quantile::{normal_from_u64, normal_quantile, normals_from_u64, unit_from_u64};
pub use polygamma::polygamma;
pub use student::{student_ln_pdf, student_quantile, student_sf};
