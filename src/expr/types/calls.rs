//! Filters, tests and functions: what they are given, and what they give.

use minijinja::machinery::ast::{Call, CallArg, Expr as Node, Filter, Spanned};

use super::{
    Absent, Kinds, Text, Type, facts,
    infer::{Infer, constant, extent, no_member, range},
    said::{self, article},
};
use crate::{
    diag::{Diagnostic, Fix, codes},
    expr::library::{self, Entry, Given, Kind, Role},
};

/// An argument: its name, if it was given by name, its type and its node.
type Argument<'n, 's> = (Option<&'n str>, Type, &'n Node<'s>);

impl Infer<'_> {
    pub(super) fn arguments<'n, 's>(&mut self, args: &'n [CallArg<'s>]) -> Vec<Argument<'n, 's>> {
        let one = |arg: &'n CallArg<'s>| match arg {
            CallArg::Pos(node) => Some((None, self.node(node), node)),
            CallArg::Kwarg(name, node) => Some((Some(*name), self.node(node), node)),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => None,
        };
        args.iter().filter_map(one).collect()
    }

    pub(super) fn filter(&mut self, it: &Spanned<Filter<'_>>) -> Type {
        let provides = matches!(it.name, "default" | "length" | "bool");
        let input = match &it.expr {
            Some(node) if provides => self.tested(node),
            Some(node) => self.node(node),
            None => Type::ANY,
        };
        let Some(entry) = library::find(Role::Filter, it.name) else { return Type::ANY };
        if let Some(node) = &it.expr {
            self.takes(entry, &input, node);
            let start = range(it).start;
            if it.args.len() < 2 {
                self.needless(entry, &input, node, start..start + it.name.len(), range(it).end);
            }
        }
        let args = self.bound(entry, &it.args, &input);
        let gives = entry.gives.of(&Given { input: &input, args: &args });
        // What is missing is passed on.
        match entry.takes {
            Kind::Any => gives,
            _ => gives.or(Type::of(input.kinds.and(Kinds::ABSENT))),
        }
        .as_sampled(input.sampled)
    }

    pub(super) fn call(&mut self, it: &Spanned<Call<'_>>) -> Type {
        let Node::Var(name) = &it.expr else { return Type::ANY };
        let Some(entry) = library::find(Role::Function, name.id) else { return Type::ANY };
        let args = self.bound(entry, &it.args, &Type::ANY);
        entry.gives.of(&Given { input: &Type::ANY, args: &args })
    }

    /// Says so if the input is nothing that the filter works on.
    fn takes(&mut self, entry: &Entry, input: &Type, node: &Node<'_>) {
        let there = input.kinds.without(Kinds::ABSENT);
        let on = entry.on.unwrap_or_else(|| entry.takes.kinds());
        if !there.is_none() && !there.has(on) {
            let needs = match entry.on {
                Some(kinds) => said::kinds(kinds),
                None => entry.takes.words(),
            };
            let message = format!("`{}` works on {needs}, and {} {}", entry.name, self.shown(node), article(input));
            self.wrong(input.sampled, extent(node), message, help(there, on));
        } else {
            self.format(entry.takes, input, node);
        }
    }

    /// Says so if a text was checked to be something else, or if nobody checks it.
    fn format(&mut self, kind: Kind, input: &Type, node: &Node<'_>) {
        let (what, wanted, formats): (_, _, &[&str]) = match kind {
            Kind::Time => ("a date-time", "date-time", &["date-time", "date"]),
            Kind::Zone => ("a time zone", "timezone", &["timezone"]),
            _ => return,
        };
        if input.sampled || input.kinds.without(Kinds::ABSENT) != Kinds::TEXT {
            return;
        }
        let filled_in = facts::path(node).is_some_and(|it| matches!(it[0].as_str(), "input" | "config"));
        match &input.text {
            Text::Format(format) if *format != "pattern" && !formats.contains(format) => {
                let message = format!("{} is {}, and {what} is needed here", self.shown(node), input.words());
                self.wrong(false, extent(node), message, &format!("give the field `format: {wanted}`"));
            }
            Text::Any | Text::Filled if filled_in => {
                let message = format!("nobody checks that {} is {what}", self.shown(node));
                let diagnostic = Diagnostic::warning(codes::UNCHECKED_FORMAT, self.span(extent(node)), message);
                self.report(diagnostic.help(format!(
                    "give the field `format: {wanted}`: then a wrong value is refused with words that a model understands"
                )));
            }
            _ => {}
        }
    }

    /// Says so if the filter changes nothing.
    fn needless(&mut self, entry: &Entry, input: &Type, node: &Node<'_>, name: std::ops::Range<usize>, end: usize) {
        if input.sampled || input.kinds.is_none() || input.is_any() {
            return;
        }
        let why = match entry.name {
            "default" if !input.kinds.has(Kinds::ABSENT) => format!("{} is never missing", self.shown(node)),
            _ if !entry.idle_on.is_none() && input.kinds.is_within(entry.idle_on) => {
                format!("{} {} already, and stays as it is", self.shown(node), article(input))
            }
            _ => return,
        };
        let message = format!("`{}` does nothing: {why}", entry.name);
        let diagnostic = Diagnostic::warning(codes::NEEDLESS_FILTER, self.span(name.clone()), message);
        let fix = self.bar_before(name.start).map(|bar| Fix::replace(self.span(bar..end), "", "leave it out"));
        self.report(fix.into_iter().fold(diagnostic.help("leave it out"), Diagnostic::fix));
    }

    /// The arguments by parameter, each seen to fit.
    fn bound(&mut self, entry: &'static Entry, args: &[CallArg<'_>], input: &Type) -> Vec<Option<Type>> {
        let mut bound = vec![None; entry.params.len()];
        for (position, (name, found, node)) in self.arguments(args).into_iter().enumerate() {
            let slot = match name {
                None => Some(position).filter(|it| *it < bound.len()),
                Some(name) => entry.params.iter().position(|it| it.name == name),
            };
            let Some(slot) = slot else { continue };
            let param = &entry.params[slot];
            let (there, on) = (found.kinds.without(Kinds::ABSENT), param.kind.kinds());
            let is_constant = matches!(node, Node::Const(_));
            if is_constant {
                self.attribute(entry, param.name, node, input);
            } else if !there.is_none() && !there.has(on) {
                let message = format!(
                    "`{}` of `{}` must be {}, and {} {}",
                    param.name,
                    entry.name,
                    param.kind.words(),
                    self.shown(node),
                    article(&found)
                );
                self.wrong(found.sampled, extent(node), message, help(there, on));
            } else {
                self.format(param.kind, &found, node);
            }
            if param.required && param.kind != Kind::Any {
                self.needed(node, &found, &format!("`{}` fails without `{}`", entry.name, param.name));
            }
            bound[slot] = Some(found);
        }
        bound
    }

    /// The name of a part that the entries of a list have.
    fn attribute(&mut self, entry: &Entry, param: &str, node: &Node<'_>, input: &Type) {
        let Some(name) = constant(node).filter(|_| param == "attribute") else { return };
        let first = name.split('.').next().unwrap_or(name);
        let each = input.entry();
        if each.is_any() || each.kinds.is_none() {
            return;
        }
        let there = each.clone().without(Kinds::ABSENT);
        if let Err(absent @ (Absent::Keys(_) | Absent::Scalar(_))) = there.member(first) {
            let whole = format!("{}(…)", entry.name);
            let span = self.span(extent(node));
            self.report(no_member(&whole, first, &absent, each.sampled, span));
        }
    }
}

/// How one gets from what there is to what is needed.
fn help(there: Kinds, on: Kinds) -> &'static str {
    match (there.has(Kinds::LIST), there.has(Kinds::MAPPING), there.has(Kinds::TEXT)) {
        (true, _, _) if on.has(Kinds::TEXT) => "take an entry, `| first`, or join them, `| join(', ')`",
        (true, ..) => "take an entry, `| first`, or go through it by `each`",
        (_, true, _) => "take one of its members",
        (_, _, true) if on.has(Kinds::NUMBER) => "make a number of text by `| int` or `| float`",
        (_, _, true) if on.has(Kinds::LIST) => "make a list of text by `| split(',')`, or of one value by `[…]`",
        _ if on.has(Kinds::LIST) => "make a list of one value by `[…]`",
        _ => "use another filter, or another value",
    }
}
