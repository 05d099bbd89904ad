//! The type of an expression, and what can't come out right in it.
//!
//! Like `names`, this reads minijinja's parse tree, whose interface is not stable: the version is pinned.

use std::ops::Range;

use minijinja::{
    machinery::{
        ast::{BinOp, BinOpKind, Expr as Node, GetItem, IfExpr, Spanned, Test, UnaryOpKind},
        parse_expr,
    },
    value::ValueKind,
};

use super::{Absent, Fact, Kinds, Known, Text, Type, facts, of_json, operators, said::article};
use crate::{
    base::shortened,
    diag::{Diagnostic, Fix, Span, codes, nearest},
    expr::{Expr, adapter, engine::Compiled},
};

/// Longer parts are cut in sentences.
const SHOWN: usize = 50;

/// What the names mean.
pub trait Roots {
    /// The type that a dotted name begins with, and how many of its parts that takes. What exists nowhere is told elsewhere.
    fn root(&self, path: &[String]) -> (Type, usize);

    /// What is known of names at this place.
    fn facts(&self) -> &[Fact];
}

impl Expr {
    /// The type of what it comes to; what can't come out right goes to `diagnostics`. `tested` says that it is only asked
    /// whether it is true, so that what it reads may be missing.
    pub fn infer(&self, roots: &dyn Roots, tested: bool, diagnostics: &mut Vec<Diagnostic>) -> Type {
        let mut infer = Infer { expr: self, roots, facts: Vec::new(), tested, diagnostics };
        if let Some(path) = self.name() {
            return infer.dotted(path);
        }
        parse_expr(&self.source).map_or(Type::ANY, |tree| infer.node(&tree))
    }

    /// The dotted name that it is, if it is nothing else.
    pub fn name(&self) -> Option<&[String]> {
        match self.compiled {
            Compiled::Name => self.names.first().map(|it| it.path.as_slice()),
            Compiled::Program { .. } => None,
        }
    }

    /// As it is written, for a sentence.
    pub fn shown(&self) -> String {
        shortened(&self.source.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN)
    }

    /// What is known of the names in it where it holds, or where it doesn't.
    pub fn facts(&self, holds: bool) -> Vec<Fact> {
        if let Some(path) = self.name() {
            let known = if holds { Known::True } else { Known::False };
            return vec![Fact { path: path.to_vec(), known }];
        }
        parse_expr(&self.source).map_or_else(|_| Vec::new(), |tree| facts::of(&tree, holds))
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    Equal,
    Different,
    /// With one of several.
    Listed,
}

pub(super) struct Infer<'a> {
    expr: &'a Expr,
    roots: &'a dyn Roots,
    /// Beside those of the roots: those of a test inside the expression.
    facts: Vec<Fact>,
    /// It is no oversight if something is missing here: it is tested, or there is something else then.
    tested: bool,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Infer<'_> {
    /// The type of what a dotted name means.
    fn dotted(&mut self, path: &[String]) -> Type {
        let (mut found, taken) = self.roots.root(path);
        for at in taken..=path.len() {
            if at > taken {
                let name = &path[at - 1];
                found = match found.member(name) {
                    Ok(member) => member,
                    Err(absent) => {
                        self.not_in_samples(&path[..at], &found, &absent);
                        return Type::ANY;
                    }
                };
            }
            let facts = self.roots.facts().iter().chain(&self.facts).filter(|it| it.path == path[..at]);
            found = facts.fold(found, |found, it| it.narrow(found));
        }
        found
    }

    /// Says so if no sample answer has a part, unless that is provided for. What can't be at all is told elsewhere.
    fn not_in_samples(&mut self, path: &[String], whole: &Type, absent: &Absent) {
        let [before @ .., name] = path else { return };
        let is_provided_for = || {
            let is_slip =
                |it: &[std::sync::Arc<str>]| nearest(name, it.iter().map(|it| &**it)).is_some_and(|it| it.certain);
            let mut facts = self.roots.facts().iter().chain(&self.facts);
            let is_tested = self.tested || facts.any(|it| it.path.starts_with(path));
            is_tested && !matches!(absent, Absent::Keys(names) if is_slip(names))
        };
        if !whole.sampled || is_provided_for() {
            return;
        }
        let span =
            self.expr.names.iter().find(|it| it.path.starts_with(path)).and_then(|it| it.spans.get(before.len()));
        let span = span.copied().unwrap_or(self.expr.span);
        self.report(no_member(&before.join("."), name, absent, true, span));
    }

    /// What is missing there is provided for.
    pub(super) fn tested(&mut self, node: &Node<'_>) -> Type {
        let before = std::mem::replace(&mut self.tested, true);
        let found = self.node(node);
        self.tested = before;
        found
    }

    pub(super) fn node(&mut self, node: &Node<'_>) -> Type {
        if let Some(path) = facts::path(node) {
            return self.dotted(&path);
        }
        match node {
            Node::Var(_) => Type::ANY,
            Node::Const(it) => match adapter::to_json(&it.value) {
                Ok(Some(json)) => of_json(&json),
                _ => Type::ANY,
            },
            Node::GetAttr(it) => {
                let whole = self.node(&it.expr);
                self.member(&whole, it.name, node)
            }
            Node::GetItem(it) => self.item(it, node),
            Node::Slice(it) => {
                [&it.start, &it.stop, &it.step].into_iter().flatten().for_each(|it| drop(self.node(it)));
                self.node(&it.expr)
            }
            Node::UnaryOp(it) => match it.op {
                UnaryOpKind::Not => {
                    let inner = self.tested(&it.expr);
                    truth(inner.can_be_false(), inner.can_be_true())
                }
                UnaryOpKind::Neg => {
                    let inner = self.node(&it.expr);
                    self.computes("-", &inner, &it.expr, Kinds::NUMBER, Type::NUMBER)
                }
            },
            Node::BinOp(it) => self.operator(it, node),
            Node::Compare(it) => {
                let mut left = &it.expr;
                for op in &it.ops {
                    let (a, b) = (self.node(left), self.node(&op.expr));
                    self.order(&a, &b, node);
                    left = &op.expr;
                }
                Type::BOOLEAN
            }
            Node::IfExpr(it) => self.choice(it),
            Node::Filter(it) => self.filter(it),
            Node::Test(it) => self.test(it),
            Node::Call(it) => self.call(it),
            Node::List(it) => self.list(&it.items),
            Node::Tuple(it) => self.list(&it.items),
            Node::Map(it) => {
                let values: Vec<Type> = it.values.iter().map(|it| self.node(it)).collect();
                let keys: Option<Vec<&str>> = it.keys.iter().map(constant).collect();
                match keys {
                    Some(keys) => Type::mapping(keys.into_iter().zip(values)),
                    None => Type::MAPPING,
                }
            }
        }
    }

    fn list(&mut self, items: &[Node<'_>]) -> Type {
        let entries = items.iter().map(|it| self.node(it)).fold(Type::NEVER, Type::or);
        Type::list(if entries.is_any() { entries } else { entries.without(Kinds::UNDEFINED) })
    }

    /// With the facts of a test inside the expression.
    fn knowing(&mut self, test: &Node<'_>, holds: bool, node: &Node<'_>) -> Type {
        let before = self.facts.len();
        self.facts.extend(facts::of(test, holds));
        let found = self.node(node);
        self.facts.truncate(before);
        found
    }

    fn choice(&mut self, it: &IfExpr<'_>) -> Type {
        let test = self.tested(&it.test_expr);
        self.decided(&test, &it.test_expr);
        let yes = self.knowing(&it.test_expr, true, &it.true_expr);
        let no = match &it.false_expr {
            Some(otherwise) => self.knowing(&it.test_expr, false, otherwise),
            None => Type::UNDEFINED,
        };
        yes.or(no)
    }

    /// Says so if a test always comes out the same.
    fn decided(&mut self, test: &Type, node: &Node<'_>) {
        let always = match (test.can_be_true(), test.can_be_false()) {
            (true, false) => "true",
            (false, true) => "false",
            _ => return,
        };
        let message = format!("this test is always {always}: {} {}", self.shown(node), article(test));
        let help = "leave the test out, or test something that can differ";
        self.report(Diagnostic::warning(codes::DECIDED, self.span(extent(node)), message).help(help));
    }

    fn operator(&mut self, it: &BinOp<'_>, node: &Node<'_>) -> Type {
        match it.op {
            BinOpKind::ScAnd => {
                let left = self.tested(&it.left);
                let right = self.knowing(&it.left, true, &it.right);
                if left.can_be_true() { left.narrowed(false).or(right) } else { left }
            }
            BinOpKind::ScOr => {
                let left = self.tested(&it.left);
                let right = self.knowing(&it.left, false, &it.right);
                if left.can_be_false() { left.narrowed(true).or(right) } else { left }
            }
            BinOpKind::Eq | BinOpKind::Ne => {
                let (left, right) = (self.tested(&it.left), self.tested(&it.right));
                let how = if matches!(it.op, BinOpKind::Ne) { Compared::Different } else { Compared::Equal };
                self.equality(&left, &right, (&it.left, &it.right), how);
                Type::BOOLEAN
            }
            BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
                let (left, right) = (self.tested(&it.left), self.tested(&it.right));
                self.order(&left, &right, node);
                Type::BOOLEAN
            }
            BinOpKind::In => self.contained(it),
            BinOpKind::Concat => {
                for side in [&it.left, &it.right] {
                    let found = self.node(side);
                    let there = found.kinds.without(Kinds::ABSENT);
                    if !there.is_none() && there.is_within(Kinds::LIST.or(Kinds::MAPPING)) {
                        let message = format!("{} {}, and is joined as JSON", self.shown(side), article(&found));
                        let diagnostic = Diagnostic::warning(codes::NOT_ONE_VALUE, self.span(extent(side)), message);
                        self.report(diagnostic.help("join its entries, `| join(', ')`, or take one of them"));
                    }
                }
                Type::TEXT
            }
            _ => self.arithmetic(it, node),
        }
    }

    fn arithmetic(&mut self, it: &BinOp<'_>, node: &Node<'_>) -> Type {
        let (a, b) = (self.node(&it.left), self.node(&it.right));
        let Some((sign, works)) = operators::arithmetic(&it.op) else { return Type::ANY };
        let there = |it: &Type| it.kinds.without(Kinds::ABSENT);
        let fits = works.iter().any(|(left, right)| {
            (there(&a).is_none() || a.kinds.has(*left)) && (there(&b).is_none() || b.kinds.has(*right))
        });
        if !fits {
            let (left, right) = (self.shown(&it.left), self.shown(&it.right));
            let message = match a.kinds.is_within(b.kinds) || b.kinds.is_within(a.kinds) {
                true => format!("`{sign}` works on numbers, and {left} {}", article(&a)),
                false => format!("`{sign}` can't combine these: {left} {}, and {right} {}", article(&a), article(&b)),
            };
            let help = match (a.kinds.has(Kinds::TEXT) || b.kinds.has(Kinds::TEXT), sign) {
                (true, "+") => "join text by `~`; make a number of text by `| int` or `| float`",
                (true, _) => "make a number of text by `| int` or `| float`",
                _ => "only numbers can be computed with",
            };
            self.wrong(a.sampled || b.sampled, extent(node), message, help);
            return Type::ANY;
        }
        for (side, found) in [(&it.left, &a), (&it.right, &b)] {
            self.needed(side, found, &format!("`{sign}` fails without it"));
        }
        operators::computed(&it.op, &a, &b)
    }

    /// An operator on one value.
    fn computes(&mut self, sign: &str, found: &Type, node: &Node<'_>, on: Kinds, gives: Type) -> Type {
        if !found.kinds.has(on) && !found.kinds.is_within(Kinds::ABSENT) {
            let message = format!("`{sign}` works on numbers, and {} {}", self.shown(node), article(found));
            self.wrong(found.sampled, extent(node), message, "make a number of text by `| int` or `| float`");
        }
        gives
    }

    /// Says so if two values can't be equal.
    pub(super) fn equality(&mut self, a: &Type, b: &Type, (left, right): (&Node<'_>, &Node<'_>), how: Compared) {
        if !operators::never_equal(a, b) {
            return;
        }
        let (known, shown, other, at) = match (constant(left), a.constant()) {
            (Some(_), _) | (None, Some(_)) => (b, right, a, left),
            _ => (a, left, b, right),
        };
        let always = match how {
            Compared::Equal => "this is never true: ",
            Compared::Different => "this is always true: ",
            Compared::Listed => "",
        };
        let span = self.span(extent(at));
        let shown = self.shown(shown);
        let diagnostic = match (&known.text, other.constant()) {
            (Text::Words(words), Some(word)) if known.kinds.has(Kinds::TEXT) => {
                let message = format!("{always}{shown} is never `{word}`");
                let words: Vec<&str> = words.iter().map(|it| &**it).collect();
                let diagnostic = Diagnostic::warning(codes::NEVER_EQUAL, span, message);
                diagnostic.did_you_mean(word, words.iter().copied()).or_help(|| {
                    let words: Vec<_> = words.iter().map(|it| format!("`{it}`")).collect();
                    format!("it is {}", one_of(&words))
                })
            }
            _ => {
                let message =
                    format!("{always}{shown} {}, and {} is {}", article(known), self.shown(at), other.words());
                let diagnostic = Diagnostic::warning(codes::NEVER_EQUAL, span, message);
                match (known.kinds.has(Kinds::TEXT), other.kinds.has(Kinds::NUMBER)) {
                    (true, true) => {
                        diagnostic.help("put the number in quotes, or make a number of the text by `| int`")
                    }
                    (false, _) if known.kinds.has(Kinds::NUMBER) && other.kinds.has(Kinds::TEXT) => {
                        let number = other.constant().filter(|it| it.parse::<i64>().is_ok() && !known.sampled);
                        let fix = number.map(|it| Fix::replace(span, it, format!("write `{it}`")));
                        let diagnostic =
                            diagnostic.help("leave out the quotes, or make text of the number by `| string`");
                        fix.into_iter().fold(diagnostic, Diagnostic::fix)
                    }
                    _ => diagnostic.help("compare what is of the same kind"),
                }
            }
        };
        self.report(diagnostic);
    }

    fn order(&mut self, a: &Type, b: &Type, node: &Node<'_>) {
        if operators::have_order(a, b) {
            return;
        }
        let message = format!("{} compares {} with {}, which have no order", self.shown(node), a.words(), b.words());
        let diagnostic = Diagnostic::warning(codes::NEVER_EQUAL, self.span(extent(node)), message);
        self.report(diagnostic.help("compare what is of the same kind: `| int` and `| float` make numbers of text"));
    }

    /// `x in y`
    fn contained(&mut self, it: &BinOp<'_>) -> Type {
        let wanted = self.tested(&it.left);
        if let Node::List(list) = &it.right {
            for item in &list.items {
                let found = self.node(item);
                self.equality(&wanted, &found, (&it.left, item), Compared::Listed);
            }
            return Type::BOOLEAN;
        }
        let container = self.tested(&it.right);
        let containers = Kinds::TEXT.or(Kinds::LIST).or(Kinds::MAPPING).or(Kinds::UNDEFINED);
        if !container.kinds.has(containers) && !container.kinds.is_none() {
            let message =
                format!("`in` needs a list, text or a mapping, and {} {}", self.shown(&it.right), article(&container));
            let help = "compare one value by `==`";
            self.wrong(container.sampled, extent(&it.right), message, help);
        } else if container.kinds.without(Kinds::ABSENT) == Kinds::LIST {
            let entry = container.entry();
            self.equality(&entry, &wanted, (&it.right, &it.left), Compared::Equal);
        }
        Type::BOOLEAN
    }

    fn item(&mut self, it: &GetItem<'_>, node: &Node<'_>) -> Type {
        let whole = self.node(&it.expr);
        let at = self.node(&it.subscript_expr);
        if let Some(name) = at.constant() {
            return self.member(&whole, name, node);
        }
        if let (Some(words), Some(members)) = (at.only_words(), &whole.members)
            && !whole.sampled
            && !members.is_open()
            && whole.kinds == Kinds::MAPPING
        {
            self.keys_that_are_never(&it.expr, &it.subscript_expr, words);
            let missing = if at.kinds.has(Kinds::ABSENT) { Type::UNDEFINED } else { Type::NEVER };
            let each = words.iter().map(|it| members.get(it).cloned().unwrap_or(Type::UNDEFINED));
            return each.fold(missing, Type::or);
        }
        match (&whole.members, whole.kinds) {
            // Other answers have other keys.
            _ if whole.sampled && whole.kinds.has(Kinds::MAPPING) => Type::ANY,
            (_, Kinds::LIST) => whole.entry().or_undefined(),
            (Some(members), Kinds::MAPPING) if !members.is_open() => {
                members.iter().map(|(_, it)| it.clone()).fold(Type::UNDEFINED, Type::or)
            }
            _ => Type::ANY,
        }
    }

    /// `{'a': 1, 'b': 2}[x]`, where `x` is never `b`.
    fn keys_that_are_never(&mut self, map: &Node<'_>, subscript: &Node<'_>, words: &[std::sync::Arc<str>]) {
        let Node::Map(map) = map else { return };
        for key in &map.keys {
            if let Some(word) = constant(key)
                && !words.iter().any(|it| **it == *word)
            {
                let message = format!("this key is never used: {} is never `{word}`", self.shown(subscript));
                let diagnostic = Diagnostic::warning(codes::NEVER_EQUAL, self.span(extent(key)), message);
                let used = |it: &&str| !map.keys.iter().any(|key| constant(key) == Some(it));
                let left: Vec<&str> = words.iter().map(|it| &**it).filter(|it| used(it)).collect();
                self.report(diagnostic.did_you_mean(word, left).or_help(|| "remove it".to_owned()));
            }
        }
    }

    fn member(&mut self, whole: &Type, name: &str, node: &Node<'_>) -> Type {
        match whole.member(name) {
            Ok(member) => member,
            Err(absent) => {
                let inner = match node {
                    Node::GetAttr(it) => extent(&it.expr),
                    Node::GetItem(it) => extent(&it.expr),
                    _ => extent(node),
                };
                let shown = self.text(inner);
                let span = self.span(extent(node));
                self.report(no_member(&shown, name, &absent, whole.sampled, span));
                Type::ANY
            }
        }
    }

    fn test(&mut self, it: &Spanned<Test<'_>>) -> Type {
        let found = self.tested(&it.expr);
        let Some(kinds) = Kinds::of_test(it.name) else { return self.compared_by_test(it, it.name, &found) };
        let can = found.kinds.has(kinds);
        let must = found.kinds.is_within(kinds);
        if found.sampled || found.kinds.is_none() || can && !must {
            return Type::BOOLEAN;
        }
        let message = match (can, it.name) {
            (true, "defined") => format!("{} is always there", self.shown(&it.expr)),
            (false, "undefined") => format!("{} is never missing", self.shown(&it.expr)),
            (true, name) => format!("{} is always {name}", self.shown(&it.expr)),
            (false, name) => format!("{} is never {name}: it is {}", self.shown(&it.expr), found.words()),
        };
        let end = range(it).end;
        let span = self.span(extent(&it.expr).start..end);
        self.report(Diagnostic::warning(codes::DECIDED, span, message).help("leave the test out"));
        Type::BOOLEAN
    }

    /// `x is eq('a')` and its kin are operators with another face.
    fn compared_by_test(&mut self, it: &Test<'_>, name: &str, found: &Type) -> Type {
        let args = self.arguments(&it.args);
        if let ("eq" | "ne", [(_, other, node)]) = (name, args.as_slice()) {
            let how = if name == "ne" { Compared::Different } else { Compared::Equal };
            self.equality(found, other, (&it.expr, node), how);
        }
        Type::BOOLEAN
    }

    /// Says so if a value that may be missing is one that fails without it. Only of what somebody fills in: what else may
    /// be missing, authors know better.
    pub(super) fn needed(&mut self, node: &Node<'_>, found: &Type, why: &str) {
        let Some(path) = facts::path(node) else { return };
        if let Some(diagnostic) = may_be_missing(self.roots, &self.facts, &path, found, why, self.span(extent(node))) {
            self.report(diagnostic);
        }
    }

    /// Always wrong; of samples perhaps.
    pub(super) fn wrong(&mut self, sampled: bool, at: Range<usize>, message: String, help: &str) {
        let span = self.span(at);
        let diagnostic = match sampled {
            true => Diagnostic::warning(codes::WRONG_KIND, span, message),
            false => Diagnostic::error(codes::WRONG_KIND, span, message),
        };
        self.report(diagnostic.help(help));
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A part of the expression, for a sentence.
    pub(super) fn shown(&self, node: &Node<'_>) -> String {
        format!("`{}`", self.text(extent(node)))
    }

    fn text(&self, at: Range<usize>) -> String {
        let text = self.expr.source.get(self.with_brackets(at)).unwrap_or(&self.expr.source);
        shortened(&text.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN)
    }

    /// Where the `|` before a filter stands, with the space before it, if its place in the file is known.
    pub(super) fn bar_before(&self, at: usize) -> Option<usize> {
        let whole = self.expr.span;
        let before = self.expr.source.get(..at)?.trim_end().strip_suffix('|')?;
        (whole.end - whole.start == self.expr.source.len()).then(|| before.trim_end().len())
    }

    /// Where a part stands in the file. Where the scalar is written with escapes or on several lines, the whole.
    pub(super) fn span(&self, at: Range<usize>) -> Span {
        let whole = self.expr.span;
        if whole.end - whole.start != self.expr.source.len() {
            return whole;
        }
        let at = self.with_brackets(at);
        Span::new(whole.file, whole.start + at.start, whole.start + at.end)
    }

    /// With the brackets that are closed in it and opened before.
    fn with_brackets(&self, at: Range<usize>) -> Range<usize> {
        let source = &self.expr.source;
        let mut depth = 0_i32;
        let mut missing = 0;
        for char in source.get(at.clone()).unwrap_or_default().chars() {
            depth += i32::from(char == '(') - i32::from(char == ')');
            missing = missing.max(-depth);
        }
        let start = (0..missing).fold(at.start, |start, _| source[..start].rfind('(').unwrap_or(start));
        start..at.end
    }
}

/// What is said of a value that may be missing, where it must not. Only of what somebody fills in and nobody tested: of
/// what else may be missing, authors know better.
pub fn may_be_missing(
    roots: &dyn Roots,
    more: &[Fact],
    path: &[String],
    found: &Type,
    why: &str,
    span: Span,
) -> Option<Diagnostic> {
    let is_filled_in = matches!(path.first().map(String::as_str), Some("input" | "config"));
    let is_tested = roots.facts().iter().chain(more).any(|it| it.known == Known::Tested && path.starts_with(&it.path));
    if !is_filled_in || is_tested || found.is_any() || !found.kinds.has(Kinds::UNDEFINED) {
        return None;
    }
    let name = path.join(".");
    let diagnostic = Diagnostic::warning(codes::MAY_BE_MISSING, span, format!("`{name}` may be missing, and {why}"));
    Some(
        diagnostic
            .help(format!("give the field a `default`, make it required, or test it: `when: \"{{{{ {name} }}}}\"`")),
    )
}

/// What is said of a part that can't be there. `whole` is what it would be a part of.
pub fn no_member(whole: &str, name: &str, absent: &Absent, sampled: bool, span: Span) -> Diagnostic {
    let make = |message: String| match sampled {
        true => Diagnostic::warning(codes::NOT_IN_SAMPLES, span, message),
        false => Diagnostic::error(codes::UNKNOWN_FIELD, span, message),
    };
    let place = if sampled { " in the sample answers" } else { "" };
    match absent {
        Absent::List => make(format!("`{whole}` is a list{place}: it has no `{name}`"))
            .help(format!("take an entry, `{whole}[0].{name}`, or go through it by `each`")),
        Absent::Scalar(it) => make(format!("`{whole}` is {}{place}: it has no `{name}`", it.words()))
            .help(format!("use `{whole}` itself")),
        Absent::Keys(names) => {
            let message = match sampled {
                true => format!("no sample answer has `{name}` in `{whole}`"),
                false => format!("`{whole}` has no `{name}`"),
            };
            let quoted: Vec<_> = names.iter().map(|it| format!("`{it}`")).collect();
            make(message).did_you_mean(name, names.iter().map(|it| &**it)).or_help(|| {
                match (sampled, quoted.is_empty()) {
                    (true, true) => "they are empty".to_owned(),
                    (true, false) => {
                        format!("there are {}; if the provider has it, let a sample answer show it", quoted.join(", "))
                    }
                    (false, true) => "it is empty".to_owned(),
                    (false, false) => format!("it has {}", quoted.join(", ")),
                }
            })
        }
    }
}

fn one_of(words: &[String]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn truth(can_be_true: bool, can_be_false: bool) -> Type {
    match (can_be_true, can_be_false) {
        (true, false) => Type::of(Kinds::TRUE),
        (false, true) => Type::of(Kinds::FALSE),
        _ => Type::BOOLEAN,
    }
}

/// The text that a constant is.
pub(super) fn constant<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    match node {
        Node::Const(it) if it.value.kind() == ValueKind::String => it.value.as_str(),
        _ => None,
    }
}

pub(super) fn range<T>(node: &Spanned<T>) -> Range<usize> {
    let span = node.span();
    span.start_offset as usize..span.end_offset as usize
}

/// All that a node takes, without brackets around it: the parser's own places begin late or early.
pub(super) fn extent(node: &Node<'_>) -> Range<usize> {
    let own = match node {
        Node::Var(it) => return range(it),
        Node::Const(it) => return range(it),
        Node::Call(it) => return range(it),
        Node::List(it) => return range(it),
        Node::Tuple(it) => return range(it),
        Node::Map(it) => return range(it),
        Node::UnaryOp(it) => return range(it),
        Node::Slice(it) => range(it).end,
        Node::BinOp(it) => extent(&it.right).end,
        Node::Compare(it) => it.ops.last().map_or(0, |it| extent(&it.expr).end),
        Node::IfExpr(it) => it.false_expr.as_ref().map_or_else(|| extent(&it.test_expr), extent).end,
        Node::Filter(it) => range(it).end,
        Node::Test(it) => range(it).end,
        Node::GetAttr(it) => range(it).end,
        Node::GetItem(it) => range(it).end,
    };
    let mut start = own;
    children(node, &mut |it| start = start.min(extent(it).start));
    start..own
}

/// Calls `visit` with each node right below.
pub(super) fn children<'n, 's>(node: &'n Node<'s>, visit: &mut dyn FnMut(&'n Node<'s>)) {
    use minijinja::machinery::ast::CallArg;
    let args = |args: &'n [CallArg<'s>], visit: &mut dyn FnMut(&'n Node<'s>)| {
        for arg in args {
            match arg {
                CallArg::Pos(it) | CallArg::Kwarg(_, it) | CallArg::PosSplat(it) | CallArg::KwargSplat(it) => visit(it),
            }
        }
    };
    match node {
        Node::Var(_) | Node::Const(_) => {}
        Node::Slice(it) => {
            visit(&it.expr);
            [&it.start, &it.stop, &it.step].into_iter().flatten().for_each(visit);
        }
        Node::UnaryOp(it) => visit(&it.expr),
        Node::BinOp(it) => {
            visit(&it.left);
            visit(&it.right);
        }
        Node::Compare(it) => {
            visit(&it.expr);
            it.ops.iter().for_each(|it| visit(&it.expr));
        }
        Node::IfExpr(it) => {
            visit(&it.true_expr);
            visit(&it.test_expr);
            it.false_expr.iter().for_each(visit);
        }
        Node::Filter(it) => {
            it.expr.iter().for_each(&mut *visit);
            args(&it.args, visit);
        }
        Node::Test(it) => {
            visit(&it.expr);
            args(&it.args, visit);
        }
        Node::Call(it) => {
            visit(&it.expr);
            args(&it.args, visit);
        }
        Node::GetAttr(it) => visit(&it.expr),
        Node::GetItem(it) => {
            visit(&it.expr);
            visit(&it.subscript_expr);
        }
        Node::List(it) => it.items.iter().for_each(visit),
        Node::Tuple(it) => it.items.iter().for_each(visit),
        Node::Map(it) => it.keys.iter().chain(&it.values).for_each(visit),
    }
}
