//! Passwords: only their Argon2id hashes are kept.

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::OnceLock;

/// The longest password that is looked at: hashing takes time with the length.
pub const MAX_BYTES: usize = 256;

/// The shortest that is taken from a person; generated ones have twenty characters.
pub const MIN_CHARS: usize = 8;

/// Memory for a hash is asked for by so much, of which only what a hash needs is touched. glibc
/// keeps what is freed for the next that asks, but never a block above its
/// `DEFAULT_MMAP_THRESHOLD_MAX` of 32 MiB (mallopt(3)): with 19 MiB kept for each of many threads,
/// a few wrong passwords would hold hundreds of MiB for good.
const RESERVED_BYTES: usize = 33 * 1024 * 1024;

/// The hash of a password, with salt and parameters, in PHC form.
pub fn hash(password: &str) -> anyhow::Result<String> {
    let hash: argon2::password_hash::phc::PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("cannot hash the password: {error}"))?;
    Ok(hash.to_string())
}

/// Whether `password` is the one of `hash`. Without a hash it takes as long and is false, so
/// that the time does not tell which names there are.
pub fn matches(password: &str, hash: Option<&str>) -> bool {
    static NOBODY: OnceLock<String> = OnceLock::new();
    if password.len() > MAX_BYTES {
        return false;
    }
    let known = hash.is_some();
    let nobody = || NOBODY.get_or_init(|| self::hash("nobody").unwrap_or_default());
    let right = hash_again(password, hash.unwrap_or_else(|| nobody()));
    right.unwrap_or(false) && known
}

/// Whether `password` has this hash, or none where that is not readable.
fn hash_again(password: &str, hash: &str) -> Option<bool> {
    let parsed = PasswordHash::new(hash).ok()?;
    let params = Params::try_from(&parsed).ok()?;
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
    let version = parsed
        .version
        .and_then(|version| Version::try_from(version).ok())?;
    let (salt, expected) = (parsed.salt?, parsed.hash?);
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks.max(RESERVED_BYTES / Block::SIZE));
    memory.resize(blocks, Block::new());
    let mut found = vec![0; expected.len()];
    Argon2::new(algorithm, version, params)
        .hash_password_into_with_memory(password.as_bytes(), salt.as_ref(), &mut found, &mut memory)
        .ok()?;
    // Compared in constant time.
    Some(Output::new(&found).ok()? == expected)
}

/// A password for somebody to write down: a hundred random bits in letters and digits that
/// cannot be taken for one another.
pub fn generate() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    rand::random::<[u8; 20]>()
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_a_known_name_matches() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(matches("correct horse", Some(&hash)));
        assert!(!matches("wrong horse", Some(&hash)));
        assert!(!matches("nobody", None));
        assert!(!matches("correct horse", Some("not a hash")));
        assert!(!matches(&"x".repeat(MAX_BYTES + 1), Some(&hash)));
    }

    #[test]
    fn generated_passwords_differ() {
        assert_ne!(generate(), generate());
        assert_eq!(generate().len(), 20);
    }
}
