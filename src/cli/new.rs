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
        self, Refusal, check,
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
        // what is given and wrong is told before anything is asked
        let inputs = given.inputs.iter().map(|it| it.parse::<Input>()).collect::<Result<_, _>>()?;
        let effect = given.effect.map(|it| it.parse::<Effect>()).transpose();
        let effect = effect.map_err(|_| anyhow::anyhow!("`--effect` is read, write, delete or money"))?;
        let title = self.answer(given.title, &TITLE, None)?;
        let id = Some(import::kebab(&title, "")).filter(|it| !it.is_empty());
        let id = self.answer(given.id, &ID, id.as_deref())?;
        let summary = self.answer(given.summary, &SUMMARY, Some(&format!("Works with {title}.")))?;
        let base_url = self.answer(given.base_url, &BASE_URL, None)?;
        let question = format!("How requests are signed ({})", SCHEMES.join(", "));
        let auth = Question { flag: "auth", text: &question, check: check::scheme };
        let scheme = self.answer(given.auth, &auth, Some("bearer"))?;
        let authorize_url = match scheme.as_str() {
            "oauth2" => Some(self.answer(given.authorize_url, &AUTHORIZE_URL, None)?),
            _ => None,
        };
        let token_url = match scheme.as_str() {
            "oauth2" | "token_exchange" => Some(self.answer(given.token_url, &TOKEN_URL, None)?),
            _ => None,
        };
        let name = self.answer(given.action, &ACTION, None)?;
        let method = self.answer(given.method, &METHOD, Some("GET"))?.to_ascii_uppercase();
        let path = self.answer(given.path, &PATH, None)?;
        let describe =
            format!("{} at {title}. Call it when the customer asks for it.", capital(&name.replace('_', " ")));
        let describe = self.answer(given.describe, &DESCRIBE, Some(&describe))?;
        let posts =
            !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE") && effect != Some(Effect::Read);
        let idempotency_header = match posts {
            true => Some(self.answer(given.idempotency_header, &IDEMPOTENCY_HEADER, Some("Idempotency-Key"))?),
            false => None,
        };
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

    /// What was given; else what is answered, asked for again until it will do; else the default.
    fn answer(&mut self, given: Option<String>, question: &Question<'_>, default: Option<&str>) -> Result<String> {
        let Question { flag, text, check } = *question;
        let flag = if flag == "id" { "ID".to_owned() } else { format!("--{flag}") };
        if let Some(given) = given {
            check(&given).with_context(|| flag)?;
            return Ok(given);
        }
        if !self.asks {
            return default.map(str::to_owned).with_context(|| format!("{flag} is missing: {text}"));
        }
        loop {
            match default {
                Some(default) => print!("{text} [{default}]: "),
                None => print!("{text}: "),
            }
            std::io::stdout().flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                bail!("nothing was made: the answers ended before the questions");
            }
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                (answer, _) => answer,
            };
            match check(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(refusal) => println!("{}.", capital(&refusal.to_string())),
            }
        }
    }
}

/// What is asked, and whether an answer will do.
struct Question<'q> {
    flag: &'q str,
    text: &'q str,
    check: Check,
}

type Check = fn(&str) -> Result<(), Refusal>;

const fn question(flag: &'static str, text: &'static str, check: Check) -> Question<'static> {
    Question { flag, text, check }
}

const TITLE: Question<'_> = question("title", "The provider's name", check::text);
const ID: Question<'_> = question("id", "Its id", check::id);
const SUMMARY: Question<'_> = question("summary", "What it does for a business", check::text);
const BASE_URL: Question<'_> = question("base-url", "Where its paths begin, https://…", check::base_url);
const AUTHORIZE_URL: Question<'_> = question("authorize-url", "Where the browser goes to consent", check::url);
const TOKEN_URL: Question<'_> = question("token-url", "Where tokens are got", check::url);
const ACTION: Question<'_> = question("action", "What the agent can do first, such as find_orders", check::action);
const METHOD: Question<'_> = question("method", "Its method", check::method);
const PATH: Question<'_> = question("path", "Its path, such as /orders/{order_id}", check::path);
const DESCRIBE: Question<'_> = question("describe", "What the model reads about it", check::text);
const IDEMPOTENCY_HEADER: Question<'_> = question(
    "idempotency-header",
    "The header by which a repeated request is known again (none if there is none)",
    check::header,
);

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
    fn an_answer_that_will_not_do_is_asked_for_again_at_once() {
        let typed = "\nPet Shop\nPet Shop!\npets\n\napi.petshop.example\nhttps://api.petshop.example\nlogin\nbasic\nAdd pet\nadd_pet\nPUSH\npost\npets\n/pets\n\nX Key\nnone\n";
        let mut questions = Questions { input: typed.as_bytes(), asks: true };
        let answers = questions.answers(nothing()).unwrap();
        assert_eq!((answers.id.as_str(), answers.base_url.as_str()), ("pets", "https://api.petshop.example"));
        assert_eq!((answers.sign_in.scheme.as_str(), answers.action.path.as_str()), ("basic", "/pets"));
        assert!(questions.input.is_empty() && import::new::connector(&answers).is_ok());
        // a name without letters of ours makes no id
        let mut questions = Questions { input: "日本\n\nnihon\n".as_bytes(), asks: true };
        assert!(questions.answers(nothing()).unwrap_err().to_string().contains("the answers ended"));
        assert!(questions.input.is_empty());
    }

    #[test]
    fn what_is_given_and_will_not_do_is_told_before_anything_is_asked() {
        let wrong = |change: fn(&mut Arguments)| {
            let mut given = Arguments { title: Some("Pet Shop".to_owned()), ..nothing() };
            given.base_url = Some("https://api.petshop.example".to_owned());
            change(&mut given);
            let mut questions = Questions { input: &b""[..], asks: false };
            format!("{:#}", questions.answers(given).unwrap_err())
        };
        assert_eq!(
            wrong(|it| it.auth = Some("login".to_owned())),
            format!("--auth: there is no scheme `login`: it is one of {}", SCHEMES.join(", "))
        );
        assert!(wrong(|it| it.auth = Some("oauth".to_owned())).ends_with("; did you mean `oauth2`?"));
        assert_eq!(
            wrong(|it| it.id = Some("Pet Shop".to_owned())),
            "ID: `Pet Shop` is no id: write it as `lower-case-with-dashes`"
        );
        assert!(wrong(|it| it.inputs = vec!["guests:date".to_owned()]).starts_with("an input is a string"));
    }

    #[test]
    fn without_a_terminal_what_is_missing_is_named() {
        let mut questions = Questions { input: &b""[..], asks: false };
        let error = questions.answers(Arguments { title: Some("Pet Shop".to_owned()), ..nothing() }).unwrap_err();
        assert_eq!(error.to_string(), "--base-url is missing: Where its paths begin, https://…");
    }
}
