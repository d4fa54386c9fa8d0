//! Inputs made from the seeds of a corpus: cut, joined, repeated, changed, with words that matter
//! to some parser.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// No input is longer.
const BYTES_MAX: usize = 4096;

const WORDS: [&[u8]; 44] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b"\\",
    b"\\.",
    b"\\N",
    b"'",
    b"\"",
    b"\"\"\"",
    b"$$",
    b"${",
    b"${A}",
    b"$${",
    b"}",
    b"{",
    b"[",
    b"]",
    b"[[",
    b"]]",
    b":",
    b";",
    b",",
    b"=",
    b"#",
    b"%",
    b"%00",
    b"%zz",
    b"://",
    b"@",
    b"\xff",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xc3\x28",
    "é\u{202e}".as_bytes(),
    b"9223372036854775808",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"\\u0000",
    b"PGCOPY\n\xff\r\n\0",
    b"null",
];

/// Gives one input after the other, the same for the same seed.
pub struct Mutator {
    random: StdRng,
    corpus: Vec<Vec<u8>>,
    given: usize,
}

impl Mutator {
    pub fn new(seed: u64, corpus: &[&[u8]]) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            corpus: corpus.iter().map(|seed| seed.to_vec()).collect(),
            given: 0,
        }
    }

    /// First the seeds as they are, then what is made of them.
    pub fn next(&mut self) -> Vec<u8> {
        self.given += 1;
        if let Some(seed) = self.corpus.get(self.given - 1) {
            return seed.clone();
        }
        let mut input = self.seed();
        for _ in 0..self.random.random_range(1..6) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.random.random_range(0..self.corpus.len());
        self.corpus[at].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.random_range(0..=input.len());
        let end = self.random.random_range(at..=input.len());
        match self.random.random_range(0..8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => {
                let other = self.seed();
                let from = self.random.random_range(0..=other.len());
                input.splice(at..end, other[from..].iter().copied());
            }
            3 => {
                let (piece, times) = (input[at..end].to_vec(), self.random.random_range(1..200));
                let repeated = piece.repeat(times);
                input.splice(at..at, repeated.into_iter().take(BYTES_MAX));
            }
            4 if at < input.len() => input[at] ^= 1 << self.random.random_range(0..8),
            5 if at < input.len() => input[at] = self.random.random(),
            _ => {
                let word = WORDS[self.random.random_range(0..WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
        }
    }
}
