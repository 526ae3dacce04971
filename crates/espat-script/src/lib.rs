//! espat-script
