//! `closeloop explain`: the page of a diagnostic.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::diag::{codes, did_you_mean};

/// Prints the page of a code, or the list of all codes.
pub(super) fn run(code: Option<&str>) -> Result<ExitCode> {
    match code {
        None => print!("{}", all()),
        Some(code) => print!("{}", page(code)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Every code with its title, by family.
fn all() -> String {
    let mut list = String::new();
    for (digit, family) in codes::FAMILIES {
        list.push_str(&format!("{}{family}\n", if list.is_empty() { "" } else { "\n" }));
        for info in codes::ALL.iter().filter(|it| it.code[1..].starts_with(*digit)) {
            list.push_str(&format!("  {}  {}\n", info.code, info.title));
        }
    }
    list
}

/// The page of a code, which may be written in any case, in brackets, or as its number alone.
fn page(given: &str) -> Result<&'static str> {
    let bare = given.trim_matches(|it: char| !it.is_ascii_alphanumeric());
    let numbered = if bare.starts_with(|it: char| it.is_ascii_digit()) { format!("C{bare}") } else { bare.to_owned() };
    if let Some(info) = codes::explain(&numbered) {
        return Ok(info.page);
    }
    // Somebody may remember what it said instead.
    let word = given.to_lowercase();
    let about: Vec<_> =
        codes::ALL.iter().filter(|it| word.len() > 2 && it.title.to_lowercase().contains(&word)).collect();
    if !about.is_empty() {
        let list: Vec<_> = about.iter().map(|it| format!("\n  {}  {}", it.code, it.title)).collect();
        bail!("`{given}` is not a code; these are about it:{}", list.concat());
    }
    match did_you_mean(&numbered.to_uppercase(), codes::ALL.iter().map(|it| it.code)) {
        Some(near) => bail!("there is no code `{given}`; did you mean `{near}`? `closeloop explain` lists all"),
        None => bail!("there is no code `{given}`; `closeloop explain` lists all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for given in ["C101", "c101", "[C101]", "101"] {
            assert!(page(given).is_ok_and(|it| it.starts_with("# C101: unknown key\n")), "{given}");
        }
    }

    #[test]
    fn what_is_no_code_leads_to_one() {
        let error = |given: &str| page(given).expect_err("it is no code").to_string();
        assert!(error("C40l").contains("did you mean `C401`?"), "{}", error("C40l"));
        assert!(error("tab").contains("C004  tab used as indentation"), "{}", error("tab"));
        assert_eq!(error("hello"), "there is no code `hello`; `closeloop explain` lists all");
    }

    #[test]
    fn the_list_has_every_code() {
        let list = all();
        assert!(codes::ALL.iter().all(|it| list.contains(&format!("  {}  {}\n", it.code, it.title))), "{list}");
    }
}
