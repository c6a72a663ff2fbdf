//! The addresses in a session description.

use std::net::SocketAddr;

/// The robot's own address in its answer.
pub fn host(answer: &str) -> Option<SocketAddr> {
    answer.lines().find_map(own_address)
}

/// `offer` with no address in it: whoever gets it must wait to be called.
pub fn without_addresses(offer: &str) -> String {
    let kept = offer
        .lines()
        .filter(|line| !line.starts_with("a=candidate:"));
    kept.map(|line| format!("{line}\r\n")).collect()
}

/// `answer` with the robot's addresses replaced by one: the same machine's `port`.
pub fn through(answer: &str, port: u16) -> Option<String> {
    let mut first = true;
    let mut lines = Vec::new();
    for line in answer.lines() {
        if !line.starts_with("a=candidate:") {
            lines.push(line.to_owned());
        } else if let Some(address) = own_address(line).filter(|_| std::mem::take(&mut first)) {
            let old = format!("{} {}", address.ip(), address.port());
            lines.push(line.replacen(&old, &format!("{} {port}", address.ip()), 1));
        }
    }
    (!first).then(|| lines.join("\r\n") + "\r\n")
}

/// Of a line of the answer, if it tells an IPv4 address of the robot's own.
fn own_address(line: &str) -> Option<SocketAddr> {
    let words: Vec<_> = line
        .strip_prefix("a=candidate:")?
        .split_whitespace()
        .collect();
    let [_, "1", protocol, _, ip, port, "typ", "host", ..] = words[..] else {
        return None;
    };
    let ip: std::net::Ipv4Addr = ip.parse().ok()?;
    let udp = protocol.eq_ignore_ascii_case("udp");
    udp.then(|| SocketAddr::from((ip, port.parse().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_address_is_left_and_it_is_the_relays() {
        let answer = "v=0\r\n\
            a=candidate:1 1 udp 9 fe80::1 4000 typ host\r\n\
            a=candidate:2 1 udp 8 192.0.2.7 4001 typ host\r\n\
            a=candidate:2 2 udp 8 192.0.2.7 4001 typ host\r\n\
            a=candidate:3 1 udp 7 198.51.100.2 4002 typ relay raddr 0.0.0.0 rport 1\r\n\
            a=mid:0\r\n";
        assert_eq!(host(answer), Some(([192, 0, 2, 7], 4001).into()));
        assert_eq!(
            through(answer, 5000).unwrap(),
            "v=0\r\na=candidate:2 1 udp 8 192.0.2.7 5000 typ host\r\na=mid:0\r\n"
        );
        assert_eq!(through("v=0\r\n", 5000), None);
    }
}
