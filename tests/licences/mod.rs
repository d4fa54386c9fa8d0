//! What others have made and goes into the programs: packages, their licences, a bill of materials.

pub mod notices;
pub mod packages;
pub mod sbom;
