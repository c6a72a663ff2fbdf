//! The agent from outside: real sockets, real TLS, real processes, certificates made here.

#[cfg(test)]
mod broker;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod check;
#[cfg(test)]
mod enroll;
#[cfg(test)]
mod mqtt;
#[cfg(test)]
mod pki;
#[cfg(test)]
mod process;
#[cfg(test)]
mod web;
