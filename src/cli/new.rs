//! `closeloop new`: a connector from a few answers, asked on a terminal or given as flags.

use std::{
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::made;
use crate::{
    base::Effect,
    import::{
        self,
        new::{Answers, FirstAction, Input, SignIn},
    },
    spec::keys::SCHEMES,
};

/// What is not given is asked on a terminal; without one it has a default, or is missing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// `lower-case-with-dashes`: the name of the directory.
    id: Option<String>,
    /// The provider's name, for people.
    #[arg(long)]
    title: Option<String>,
    /// What it does for a business, in one or two sentences.
    #[arg(long)]
    summary: Option<String>,
    /// Where paths begin, such as https://api.example.com/v1.
    #[arg(long)]
    base_url: Option<String>,
    /// How requests are signed: one of the language's schemes.
    #[arg(long)]
    auth: Option<String>,
    /// `api_key`: the header that carries the key.
    #[arg(long, default_value = "X-Api-Key")]
    key_header: String,
    /// `api_key`: the query parameter that carries the key, instead of a header.
    #[arg(long)]
    key_query: Option<String>,
    /// `oauth2`: where the browser goes.
    #[arg(long)]
    authorize_url: Option<String>,
    /// `oauth2` and `token_exchange`: where tokens are got.
    #[arg(long)]
    token_url: Option<String>,
    /// The first action's name, `lower_case_with_underscores`.
    #[arg(long)]
    action: Option<String>,
    /// What the model reads: what the action does, and when to call it.
    #[arg(long)]
    describe: Option<String>,
    /// The first action's method.
    #[arg(long)]
    method: Option<String>,
    /// The first action's path; what stands in braces becomes an input: /pets/{pet_id}.
    #[arg(long)]
    path: Option<String>,
    /// What it does to the world, where the method doesn't tell: read, write, delete or money.
    #[arg(long)]
    effect: Option<String>,
    /// A further input: `name`, `guests:integer`, `note?` for one that may be left out.
    #[arg(long = "input")]
    inputs: Vec<String>,
    /// The header by which the provider knows a repeated POST again; `none` leaves a TODO.
    #[arg(long)]
    idempotency_header: Option<String>,
    /// The folder of connectors.
    #[arg(long, default_value = "connectors")]
    out: PathBuf,
}

/// Makes the directory, and tells what to do next.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let out = arguments.out.clone();
    let answers = {
        let mut questions = Questions { input: std::io::stdin().lock(), asks: std::io::stdin().is_terminal() };
        questions.answers(arguments)?
    };
    let draft = import::new::connector(&answers)?;
    let path = made::create(&out, &draft)?;
    made::tell(&path).await
}

/// Asks whoever sits there.
struct Questions<R> {
    input: R,
    asks: bool,
}

impl<R: BufRead> Questions<R> {
    fn answers(&mut self, given: Arguments) -> Result<Answers> {
        let title = self.answer(given.title, "title", "The provider's name", None)?;
        let id = self.answer(given.id, "id", "Its id", Some(&import::kebab(&title, "")))?;
        let summary = format!("Works with {title}.");
        let summary = self.answer(given.summary, "summary", "What it does for a business", Some(&summary))?;
        let base_url = self.answer(given.base_url, "base-url", "Where its paths begin, https://…", None)?;
        let question = format!("How requests are signed ({})", SCHEMES.join(", "));
        let scheme = self.answer(given.auth, "auth", &question, Some("bearer"))?;
        let is = |words: &[&str]| words.contains(&scheme.as_str());
        let authorize_url = match is(&["oauth2"]) {
            true => {
                Some(self.answer(given.authorize_url, "authorize-url", "Where the browser goes to consent", None)?)
            }
            false => None,
        };
        let token_url = match is(&["oauth2", "token_exchange"]) {
            true => Some(self.answer(given.token_url, "token-url", "Where tokens are got", None)?),
            false => None,
        };
        let name = self.answer(given.action, "action", "What the agent can do first, such as find_orders", None)?;
        let method = self.answer(given.method, "method", "Its method", Some("GET"))?.to_ascii_uppercase();
        let path = self.answer(given.path, "path", "Its path, such as /orders/{order_id}", None)?;
        let words = name.replace('_', " ");
        let describe = format!("{} at {title}. Call it when the customer asks for it.", capital(&words));
        let describe = self.answer(given.describe, "describe", "What the model reads about it", Some(&describe))?;
        let effect = given.effect.map(|it| it.parse::<Effect>()).transpose();
        let effect = effect.map_err(|_| anyhow::anyhow!("`--effect` is read, write, delete or money"))?;
        let posts =
            !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE") && effect != Some(Effect::Read);
        let idempotency_header = match posts {
            true => {
                let question = "The header by which a repeated request is known again (none if there is none)";
                Some(self.answer(given.idempotency_header, "idempotency-header", question, Some("Idempotency-Key"))?)
            }
            false => None,
        };
        let inputs = given.inputs.iter().map(|it| it.parse::<Input>()).collect::<Result<_, _>>()?;
        Ok(Answers {
            id,
            title,
            summary,
            base_url,
            sign_in: SignIn {
                scheme,
                key_header: given.key_header,
                key_query: given.key_query,
                authorize_url,
                token_url,
            },
            action: FirstAction {
                name,
                title: None,
                describe,
                method,
                path,
                effect,
                inputs,
                idempotency_header: idempotency_header.filter(|it| it != "none"),
            },
        })
    }

    /// What was given; else what is answered; else the default.
    fn answer(&mut self, given: Option<String>, flag: &str, question: &str, default: Option<&str>) -> Result<String> {
        if let Some(given) = given {
            return Ok(given);
        }
        if !self.asks {
            let flag = if flag == "id" { "ID".to_owned() } else { format!("--{flag}") };
            return default.map(str::to_owned).with_context(|| format!("{flag} is missing: {question}"));
        }
        loop {
            match default {
                Some(default) => print!("{question} [{default}]: "),
                None => print!("{question}: "),
            }
            std::io::stdout().flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                bail!("nothing was made: the answers ended before the questions");
            }
            match (line.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => println!("This is needed."),
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|it| it.to_uppercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Arguments {
        Arguments {
            id: None,
            title: None,
            summary: None,
            base_url: None,
            auth: None,
            key_header: "X-Api-Key".to_owned(),
            key_query: None,
            authorize_url: None,
            token_url: None,
            action: None,
            describe: None,
            method: None,
            path: None,
            effect: None,
            inputs: Vec::new(),
            idempotency_header: None,
            out: PathBuf::new(),
        }
    }

    #[test]
    fn what_is_not_given_is_asked_until_it_is_answered() {
        let typed = "\nPet Shop\n\n\nhttps://api.petshop.example/v1\nbasic\nadd_pet\npost\n/pets\n\n\n";
        let mut questions = Questions { input: typed.as_bytes(), asks: true };
        let answers = questions.answers(nothing()).unwrap();
        assert_eq!((answers.id.as_str(), answers.title.as_str()), ("pet-shop", "Pet Shop"));
        assert_eq!((answers.sign_in.scheme.as_str(), answers.action.method.as_str()), ("basic", "POST"));
        assert_eq!(answers.action.idempotency_header.as_deref(), Some("Idempotency-Key"));
        assert!(import::new::connector(&answers).is_ok());
    }

    #[test]
    fn without_a_terminal_what_is_missing_is_named() {
        let mut questions = Questions { input: &b""[..], asks: false };
        let error = questions.answers(Arguments { title: Some("Pet Shop".to_owned()), ..nothing() }).unwrap_err();
        assert_eq!(error.to_string(), "--base-url is missing: Where its paths begin, https://…");
    }
}
