//! espat-host
