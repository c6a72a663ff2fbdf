//! The agent from outside: real sockets, real TLS, real processes, certificates made here.

mod broker;
mod certificates;
mod link;
mod pki;
