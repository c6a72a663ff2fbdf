//! Runs a fuzz target for a moment, without instruments: on its seeds, which lie in `fuzz/seeds/TARGET`, and on
//! what becomes of them by random changes. Always the same ones.

use std::fs;
use std::path::Path;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Changed inputs for each target.
const INPUTS: usize = 3_000;

/// Changes of one input, at most.
const CHANGES: usize = 6;

/// What parsers stumble over.
const TOKENS: [&[u8]; 14] = [
    b"\0",
    b"\r\n",
    b"\"",
    b"{",
    b"]",
    b",",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"null",
    b"\xff\xfe",
    b"\\ud800",
    b"%00",
    b"\xe2\x80\xae",
];

/// Hands `run` the seeds of `target` and changed ones.
///
/// # Panics
/// Where there are no seeds, and where `run` does.
pub fn short(target: &str, run: fn(&[u8])) {
    let seeds = seeds(target);
    let mut random = SmallRng::seed_from_u64(1);
    run(&[]);
    seeds.iter().for_each(|seed| run(seed));
    for _ in 0..INPUTS {
        let mut input = seeds[random.random_range(0..seeds.len())].clone();
        for _ in 0..random.random_range(1..=CHANGES) {
            change(&mut input, &seeds, &mut random);
        }
        run(&input);
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../seeds")
        .join(target);
    let listed =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no seeds", folder.display());
    let read = |file: &_| fs::read(file).expect("a seed can be read");
    files.iter().map(read).collect()
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut SmallRng) {
    let at = random.random_range(0..=input.len());
    let until = (at + random.random_range(0..16)).min(input.len());
    match random.random_range(0..7) {
        0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        1 if at < input.len() => input[at] = random.random(),
        2 => drop(input.drain(at..until)),
        3 => input.truncate(at),
        4 => {
            let again = input[at..until].repeat(random.random_range(1..64));
            input.splice(at..at, again);
        }
        5 => {
            let token = TOKENS[random.random_range(0..TOKENS.len())];
            input.splice(at..until, token.iter().copied());
        }
        _ => {
            let other = &seeds[random.random_range(0..seeds.len())];
            let from = random.random_range(0..=other.len());
            input.splice(at.., other[from..].iter().copied());
        }
    }
}
