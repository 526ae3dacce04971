//! The binary as its users see it: its command line, and a module over a PTY, TCP and standard input and output with real
//! peers.

#[cfg(test)]
mod capture;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod console;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod links;
#[cfg(test)]
mod names;
#[cfg(test)]
mod ota_server;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod record;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod rfc2217;
#[cfg(test)]
mod services;
#[cfg(test)]
mod sniff;
#[cfg(test)]
mod ssl;
#[cfg(test)]
mod state;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod upgrade;
