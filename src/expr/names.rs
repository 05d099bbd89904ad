//! What an expression refers to, found in minijinja's parse tree: names, filters, tests, functions, arguments.
//!
//! The tree is behind minijinja's `unstable_machinery`, which has no stable interface: it is used in this file and in `types`
//! only, and the version is pinned.

use std::ops::Range;

use minijinja::{
    Value,
    machinery::ast::{BinOpKind, Call, CallArg, Expr as Node, Spanned},
    machinery::parse_expr,
};

use super::{
    Locate, Marker, Name,
    library::{self, Entry, Kind, Role},
    quotes,
};
use crate::diag::{Diagnostic, Diagnostics, codes, nearest};

/// What was found in an expression that is right as far as can be seen without running it.
pub(super) struct Found {
    pub(super) names: Vec<Name>,
    /// What the expression ends in.
    pub(super) marker: Option<Marker>,
    /// Whether the expression is a dotted name and nothing else: then it is the only one of `names`.
    pub(super) is_name: bool,
    /// What is multiplied, in the expression.
    pub(super) factors: Vec<Range<usize>>,
}

/// Parses and checks; everything wrong goes to `diagnostics`, and then there is no result.
pub(super) fn check(source: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Found> {
    let mut walk = Walk { locate, diagnostics, names: Vec::new(), factors: Vec::new(), wrong: false };
    let tree = match parse_expr(source) {
        Ok(tree) => tree,
        Err(error) => {
            let detail = error.detail().unwrap_or("it breaks off").to_owned();
            let at = error.range().filter(|it| it.end <= source.len() && !it.is_empty()).unwrap_or(0..source.len());
            // minijinja points at one byte of a character that it doesn't know.
            let at = source.floor_char_boundary(at.start)..source.ceil_char_boundary(at.end);
            let diagnostic =
                Diagnostic::error(codes::EXPRESSION, (walk.locate)(at), format!("this is not an expression: {detail}"));
            walk.report(match foreign(source) {
                Some((there, here)) => {
                    Diagnostic { message: format!("`{there}` is not part of the language"), ..diagnostic.help(here) }
                }
                None => diagnostic,
            });
            return None;
        }
    };
    // A marker counts at the very end only.
    let marker = match &tree {
        Node::Filter(filter) if Marker::of(filter.name).is_some() => {
            walk.entry(Role::Filter, filter.name, name_at_start(filter, filter.name), &filter.args);
            filter.expr.iter().for_each(|it| walk.node(it));
            Marker::of(filter.name)
        }
        tree => {
            walk.node(tree);
            None
        }
    };
    let Walk { names, factors, wrong, .. } = walk;
    (!wrong).then_some(Found { names, marker, is_name: is_name(&tree), factors })
}

/// What filters and functions of other languages are called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("now", "`now` is a value: write it without brackets"),
    ("uuid", "`execution.key` is another one for each call, and the same when the call is repeated"),
    ("uuid4", "`execution.key` is another one for each call, and the same when the call is repeated"),
    ("random", "`execution.key` is another one for each call, `auth.nonce` for each signed request"),
    ("strftime", "use `format_time`"),
    ("date_format", "use `format_time`"),
    ("strptime", "use `parse_time`"),
    ("regex", "use `extract`, which gives what a pattern finds"),
    ("match", "use `extract`, which gives what a pattern finds"),
    ("regex_search", "use `extract`, which gives what a pattern finds"),
    ("len", "use `length`"),
    ("size", "use `length`"),
    ("count", "use `length`"),
    ("tojson", "use `json`"),
    ("to_json", "use `json`"),
    ("b64encode", "use `base64`"),
    ("b64decode", "use `from_base64`"),
    ("range", "`each` goes through a list, and `index` counts its entries"),
    ("capitalize", "there are `upper` and `lower`"),
    ("title", "there are `upper` and `lower`"),
];

/// Whether there is a parse tree.
pub(super) fn parses(source: &str) -> bool {
    parse_expr(source).is_ok()
}

/// What people write who know another language, and what it is here.
fn foreign(source: &str) -> Option<(&'static str, &'static str)> {
    const FOREIGN: &[(&str, &str)] = &[
        ("&&", "write `and`"),
        ("||", "write `or`"),
        ("!==", "write `!=`"),
        ("===", "write `==`"),
        ("=>", "there are no functions of one's own: use a filter, such as `map` or `selectattr`"),
        ("?.", "write `.`: what is missing is undefined, and `| default(…)` gives it a value"),
        ("??", "write `| default(…)`"),
        ("`", "texts have quotes, `'…'`, and are joined by `~`"),
    ];
    let bare: String = quotes::outside(source).map(|(_, it)| it).collect();
    if let Some(found) = FOREIGN.iter().find(|(it, _)| bare.contains(it)) {
        return Some(*found);
    }
    if bare.starts_with('{') && bare.ends_with('}') && !bare.contains(':') {
        return Some(("{{{", "a placeholder has two braces: `{{ … }}`"));
    }
    if bare.contains('?') && bare.contains(':') {
        return Some(("? :", "write `a if test else b`"));
    }
    if bare.trim_start().starts_with('!') {
        return Some(("!", "write `not`"));
    }
    let is_compared = |at: usize| bare[..at].ends_with(['=', '!', '<', '>']) || bare[at + 1..].starts_with('=');
    // in brackets it gives an argument by its name
    let is_argument = |at: usize| bare[..at].matches('(').count() > bare[..at].matches(')').count();
    let assigns = bare.match_indices('=').any(|(at, _)| !is_compared(at) && !is_argument(at));
    assigns.then_some(("=", "write `==` to compare"))
}

fn is_name(node: &Node<'_>) -> bool {
    match node {
        Node::Var(_) => true,
        Node::GetAttr(it) => is_name(&it.expr),
        Node::GetItem(it) => {
            matches!(&it.subscript_expr, Node::Const(key) if key.value.as_str().is_some()) && is_name(&it.expr)
        }
        _ => false,
    }
}

/// A part of a dotted name, and where it stands in the expression.
type Part = (String, Range<usize>);

struct Walk<'a> {
    locate: Locate<'a>,
    diagnostics: &'a mut Diagnostics,
    names: Vec<Name>,
    factors: Vec<Range<usize>>,
    wrong: bool,
}

impl Walk<'_> {
    fn error(&mut self, code: &'static str, at: Range<usize>, message: String) {
        self.report(Diagnostic::error(code, (self.locate)(at), message));
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.wrong = true;
        self.diagnostics.push(diagnostic);
    }

    fn node(&mut self, node: &Node<'_>) {
        match node {
            Node::Var(_) | Node::GetAttr(_) | Node::GetItem(_) => {
                self.chain(node).into_iter().for_each(|it| self.keep(it));
            }
            Node::Const(_) => {}
            Node::Slice(it) => {
                self.node(&it.expr);
                [&it.start, &it.stop, &it.step].into_iter().flatten().for_each(|it| self.node(it));
            }
            Node::UnaryOp(it) => self.node(&it.expr),
            Node::BinOp(it) => {
                if matches!(it.op, BinOpKind::Mul) {
                    let unknown = |node: &&Node<'_>| !matches!(node, Node::Const(it) if it.value.is_number());
                    self.factors.extend([&it.left, &it.right].into_iter().filter(unknown).map(whole));
                }
                self.node(&it.left);
                self.node(&it.right);
                if let (Some(operator), Node::Filter(filter)) = (joins(&it.op), &it.right)
                    // In brackets the operation would end behind the filter, at the bracket.
                    && filter.span().end_offset == it.span().end_offset
                {
                    self.binds_tighter(operator, filter.name, name_at_start(filter, filter.name));
                }
            }
            Node::Compare(it) => {
                self.node(&it.expr);
                it.ops.iter().for_each(|it| self.node(&it.expr));
            }
            Node::IfExpr(it) => {
                self.node(&it.true_expr);
                self.node(&it.test_expr);
                it.false_expr.iter().for_each(|it| self.node(it));
            }
            Node::Filter(it) => {
                it.expr.iter().for_each(|it| self.node(it));
                let at = name_at_start(it, it.name);
                if Marker::of(it.name).is_some() {
                    let message = format!("`{}` can only be the last filter of a placeholder", it.name);
                    self.error(codes::RAW_NOT_LAST, at.clone(), message);
                }
                self.entry(Role::Filter, it.name, at, &it.args);
            }
            Node::Test(it) => {
                self.node(&it.expr);
                self.entry(Role::Test, it.name, name_at_start(it, it.name), &it.args);
            }
            Node::Call(it) => self.call(it),
            Node::List(it) => it.items.iter().for_each(|it| self.node(it)),
            Node::Tuple(it) => it.items.iter().for_each(|it| self.node(it)),
            Node::Map(it) => it.keys.iter().chain(&it.values).for_each(|it| self.node(it)),
        }
    }

    /// `a ~ b | f` is `a ~ (b | f)`, which is seldom meant.
    fn binds_tighter(&mut self, operator: &str, filter: &str, at: Range<usize>) {
        let span = (self.locate)(at);
        let message = format!("`{filter}` applies to what stands right before it, not to all of `… {operator} …`");
        let help = format!("use brackets: `(a {operator} b) | {filter}` or `a {operator} (b | {filter})`");
        self.report(Diagnostic::error(codes::FILTER_BINDS_TIGHTER, span, message).help(help));
    }

    /// The parts of a dotted name, as long as they are constant. None if they end before `node` does: then what was found
    /// is kept already, and so is whatever stands in the brackets.
    fn chain(&mut self, node: &Node<'_>) -> Option<Vec<Part>> {
        match node {
            Node::Var(it) => Some(vec![(it.id.to_owned(), range(it))]),
            Node::GetAttr(it) => {
                let mut chain = self.chain(&it.expr)?;
                let end = range(it).end;
                chain.push((it.name.to_owned(), end - it.name.len()..end));
                Some(chain)
            }
            Node::GetItem(it) => {
                let chain = self.chain(&it.expr);
                if let Node::Const(key) = &it.subscript_expr
                    && let Some(name) = key.value.as_str()
                {
                    let mut chain = chain?;
                    chain.push((name.to_owned(), range(key)));
                    return Some(chain);
                }
                chain.into_iter().for_each(|it| self.keep(it));
                self.node(&it.subscript_expr);
                None
            }
            other => {
                self.node(other);
                None
            }
        }
    }

    fn keep(&mut self, chain: Vec<Part>) {
        let (path, spans) = chain.into_iter().map(|(part, at)| (part, (self.locate)(at))).unzip();
        self.names.push(Name { path, spans });
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        match &call.expr {
            Node::Var(name) => self.entry(Role::Function, name.id, range(name), &call.args),
            Node::GetAttr(method) => {
                let end = range(method).end;
                let message = format!("there are no methods: `{}(…)` cannot be called", method.name);
                let mut diagnostic =
                    Diagnostic::error(codes::NOT_IN_LANGUAGE, (self.locate)(end - method.name.len()..end), message);
                if library::find(Role::Filter, method.name).is_some() {
                    diagnostic = diagnostic.help(format!("use the filter: `value | {}`", method.name));
                }
                self.report(diagnostic);
            }
            _ => self.error(codes::NOT_IN_LANGUAGE, range(call), "only functions can be called".into()),
        }
    }

    /// A use of a filter, test or function: it must exist, and its arguments must fit.
    fn entry(&mut self, role: Role, name: &str, at: Range<usize>, args: &[CallArg<'_>]) {
        match library::find(role, name) {
            Some(entry) => self.arguments(entry, &at, args),
            None => self.unknown(role, name, at.clone()),
        }
        for arg in args {
            match arg {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.node(value),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    self.error(
                        codes::NOT_IN_LANGUAGE,
                        at.clone(),
                        "arguments are written one by one: `*` and `**` are not part of the language".into(),
                    );
                }
            }
        }
    }

    fn unknown(&mut self, role: Role, name: &str, at: Range<usize>) {
        let word = match role {
            Role::Filter => "filter",
            Role::Test => "test",
            Role::Function => "function",
        };
        let diagnostic =
            Diagnostic::error(codes::UNKNOWN_FILTER, (self.locate)(at), format!("there is no {word} `{name}`"));
        if let Some((_, help)) = ELSEWHERE.iter().find(|(it, _)| *it == name) {
            self.report(diagnostic.help(*help));
            return;
        }
        self.report(if role != Role::Filter && library::find(Role::Filter, name).is_some() {
            diagnostic.help(format!("it is a filter: `value | {name}`"))
        } else if role != Role::Function && library::find(Role::Function, name).is_some() {
            diagnostic.help(format!("it is a function: `{name}(…)`"))
        } else {
            let all = || library::entries(role).map(|it| format!("`{}`", it.name)).collect::<Vec<_>>();
            let listed = || match role {
                Role::Filter => format!("`closeloop explain {}` lists them", codes::UNKNOWN_FILTER),
                Role::Test | Role::Function => format!("there are {}", all().join(", ")),
            };
            diagnostic.did_you_mean(name, library::entries(role).map(|it| it.name)).or_help(listed)
        });
    }

    fn arguments(&mut self, entry: &'static Entry, at: &Range<usize>, args: &[CallArg<'_>]) {
        if let [CallArg::Pos(first), CallArg::Pos(Node::Const(second)), ..] = args
            && let [Some(Kind::OneOf(words)), ..] = [entry.params.first().map(|it| it.kind)]
            && !matches!(first, Node::Const(_))
            && second.value.as_str().is_some_and(|it| words.contains(&it))
        {
            let message = format!("the arguments of `{}` stand the other way round", entry.name);
            let first = entry.params[0].name;
            let second = entry.params.get(1).map_or("", |it| it.name);
            self.report(
                Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at.clone()), message)
                    .help(format!("`{first}` comes first, then `{second}`: write `{}`", entry.usage())),
            );
            return;
        }
        let mut given = vec![false; entry.params.len()];
        for (position, arg) in args.iter().enumerate() {
            let (slot, value) = match arg {
                CallArg::Pos(value) if position < given.len() => (position, value),
                CallArg::Pos(_) => {
                    let message = format!("`{}` takes {} arguments at most", entry.name, entry.params.len());
                    return self.misuse(entry, at, message, None);
                }
                CallArg::Kwarg(name, value) => match entry.params.iter().position(|it| it.name == *name) {
                    Some(slot) => (slot, value),
                    None => {
                        let meant = nearest(name, entry.params.iter().map(|it| it.name)).map(|it| it.word);
                        let message = format!("`{}` has no argument `{name}`", entry.name);
                        self.misuse(entry, at, message, meant);
                        continue;
                    }
                },
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return,
            };
            given[slot] = true;
            if let Node::Const(constant) = value {
                if entry.params[slot].name == "key" && matches!(entry.name, "sign" | "jwt") {
                    let message = format!("the key of `{}` would be known to whoever reads this", entry.name);
                    let diagnostic = Diagnostic::error(codes::WRITTEN_KEY, (self.locate)(range(constant)), message);
                    self.report(diagnostic.help("declare a sign-in field for it and write `auth.<field>`"));
                }
                self.constant(entry, slot, &constant.value, range(constant));
            }
        }
        if let Some((missing, _)) = entry.params.iter().zip(given).find(|(param, given)| param.required && !given) {
            self.misuse(entry, at, format!("`{}` needs `{}`", entry.name, missing.name), None);
        }
    }

    /// Without a word that was meant, the help is how the entry is written.
    fn misuse(&mut self, entry: &Entry, at: &Range<usize>, message: String, meant: Option<&str>) {
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write `{}`", entry.usage()),
        };
        self.report(Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at.clone()), message).help(help));
    }

    /// A constant argument can be checked before anything runs.
    fn constant(&mut self, entry: &Entry, slot: usize, value: &Value, at: Range<usize>) {
        let param = &entry.params[slot];
        let Err(problem) = param.kind.check(value) else { return };
        let message = format!("`{}` of `{}` must be {}", param.name, entry.name, param.kind.words());
        let mut diagnostic = Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at), message);
        if let (Some(near), Some(given)) = (problem, value.as_str()) {
            diagnostic = diagnostic.meant(given, near);
        }
        self.report(diagnostic);
    }
}

/// The sign of an operator that makes one value of two.
fn joins(operator: &BinOpKind) -> Option<&'static str> {
    Some(match operator {
        BinOpKind::Concat => "~",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        _ => return None,
    })
}

fn range<T>(node: &Spanned<T>) -> Range<usize> {
    let span = node.span();
    span.start_offset as usize..span.end_offset as usize
}

/// Where a whole expression stands, without brackets around it. Minijinja's place of what is taken from a value begins behind it.
fn whole(node: &Node<'_>) -> Range<usize> {
    let span = node.span();
    let (start, end) = (span.start_offset as usize, span.end_offset as usize);
    let of = match node {
        Node::GetAttr(it) => Some(&it.expr),
        Node::GetItem(it) => Some(&it.expr),
        Node::Call(it) => Some(&it.expr),
        Node::Filter(it) => it.expr.as_ref(),
        Node::Test(it) => Some(&it.expr),
        _ => None,
    };
    of.map_or(start, |it| whole(it).start.min(start))..end
}

/// Filters and tests begin with their names.
fn name_at_start<T>(node: &Spanned<T>, name: &str) -> Range<usize> {
    let start = range(node).start;
    start..start + name.len()
}
