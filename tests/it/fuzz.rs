//! Bad input: the kept inputs of each fuzz target, and what comes of changing them at random.
//!
//! `FUZZ_SEED` and `FUZZ_ROUNDS` run others, or more of them; `make fuzz` is guided by what the code does with them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

#[allow(unreachable_pub, reason = "in `fuzz/` it is a library")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, Target};

use crate::chaos::plan::{Dice, Plan};

/// Of each target, without `FUZZ_ROUNDS`.
const ROUNDS: u64 = 400;
/// No input takes this long, on however slow a machine: the slowest kept one takes half a second here.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer ones are not made.
const LONGEST: usize = 64 << 10;

#[test]
fn whatever_comes_there_is_an_answer() {
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let rounds = number("FUZZ_ROUNDS").unwrap_or(ROUNDS);
    let targets: Vec<_> = TARGETS.into_iter().map(|it| thread::spawn(move || fuzz(&it, seed, rounds))).collect();
    for target in targets {
        target.join().unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody else could say which seed to run again")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|it| it.parse().ok())
}

fn fuzz(target: &Target, seed: u64, rounds: u64) {
    let corpus = corpus(target.name);
    assert!(!corpus.is_empty(), "{} has no inputs", target.name);
    let run = target.run;
    let (send, inputs) = mpsc::channel::<Vec<u8>>();
    let (done, ends) = mpsc::channel();
    thread::spawn(move || {
        inputs.into_iter().for_each(|it| {
            run(&it);
            let _ = done.send(());
        });
    });
    let check = |input: Vec<u8>, what: &str| {
        // Of an input that is wrong a copy is left behind: put it into the corpus, so that it stays right once it is.
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
        fs::write(&copy, &input).unwrap();
        send.send(input).unwrap();
        let end = ends.recv_timeout(PATIENCE);
        assert!(end.is_ok(), "{}: {what} did not end well: {end:?}; see {}", target.name, copy.display());
    };
    for (path, input) in &corpus {
        check(input.clone(), &path.display().to_string());
    }
    let mut random = Plan(seed).dice(target.name);
    for round in 0..rounds {
        let one = &corpus[random.index(corpus.len())].1;
        let other = &corpus[random.index(corpus.len())].1;
        check(changed(one, other, &mut random), &format!("round {round} of seed {seed}"));
    }
}

/// The kept inputs, and of what reads connectors also the shipped ones and the wrong ones of the golden cases.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = files(&root.join("fuzz/corpus").join(name));
    if matches!(name, "connector" | "yaml") {
        files.extend(self::files(&root.join("tests/diagnostics")));
        let connectors = fs::read_dir(root.join("connectors")).unwrap();
        files.extend(connectors.map(|it| it.unwrap().path().join("connector.yaml")).filter(|it| it.exists()));
    }
    files.sort();
    let kept = files.into_iter().map(|it| (it.clone(), fs::read(it).unwrap()));
    kept.filter(|(path, input)| path.starts_with(root.join("fuzz")) || input.len() < LONGEST).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|it| it.unwrap().path())
        .filter(|it| it.is_file() && it.extension().is_none_or(|it| it != "txt"))
        .collect()
}

/// An input with a few random changes: what fuzzers do, without looking at what comes of it.
fn changed(one: &[u8], other: &[u8], random: &mut Dice) -> Vec<u8> {
    /// What parsers stumble over.
    const WORDS: [&str; 24] = [
        "{{",
        "}}",
        "{{ ",
        "|",
        "[",
        "]",
        "{",
        "}",
        "\n",
        "  ",
        ": ",
        "- ",
        "\"",
        "'",
        "$",
        "..",
        "[?",
        "&a ",
        "*a",
        "!!",
        "\u{FEFF}",
        "é",
        "\0",
        "99999999999999999999",
    ];
    let mut input = one[..one.len().min(LONGEST)].to_vec();
    for _ in 0..=random.index(4) {
        let at = random.index(input.len() + 1);
        let end = at + random.index((input.len() - at).min(40) + 1);
        match random.index(6) {
            0 => drop(input.drain(at..end)),
            1 => drop(input.splice(at..end, WORDS[random.index(WORDS.len())].bytes())),
            2 => {
                drop(input.splice(at..at, WORDS[random.index(WORDS.len())].repeat(1 + random.index(100)).into_bytes()));
            }
            3 => {
                let from = random.index(other.len() + 1);
                let to = from + random.index((other.len() - from).min(400) + 1);
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
            4 => {
                let again = input[at..end].to_vec();
                drop(input.splice(at..at, again));
            }
            _ => input[at..end].iter_mut().for_each(|it| *it ^= 1 << random.index(8)),
        }
    }
    input.truncate(LONGEST);
    input
}
