//! Every diagnostic code, once: its constant, its title and what it means.
//!
//! To add one, add an entry below, in the family it belongs to; a case of it in `tests/diagnostics`, and there in `_right`
//! what to write instead. Its page `docs/errors/<code>.md` is printed from these: make an empty one, and run the tests with
//! `UPDATE=1`. A code is never used again for something else.

/// What is known about a code.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Such as `C101`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// A paragraph: why it is refused and what to do.
    pub explanation: &'static str,
    /// The whole page in Markdown: the explanation, what is wrong and what is right.
    pub page: &'static str,
}

/// The first digit of a family's codes, and what they are about.
pub const FAMILIES: &[(char, &str)] = &[
    ('0', "The YAML text"),
    ('1', "The shape"),
    ('2', "Names and references"),
    ('3', "Expressions and paths"),
    ('4', "Sign-in"),
    ('5', "Requests"),
    ('6', "Types of values"),
    ('7', "Steps"),
    ('8', "Warnings"),
    ('9', "Tests"),
];

/// What is known about `code`, if there is such a code.
pub fn explain(code: &str) -> Option<&'static Info> {
    ALL.iter().find(|it| it.code.eq_ignore_ascii_case(code))
}

macro_rules! page {
    ($code:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors/", $code, ".md"))
    };
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(#[doc = concat!("`", $code, "`: ", $title, ". ", $explanation)] pub const $name: &str = $code;)*

        /// The table, in order of code.
        pub const ALL: &[Info] =
            &[$(Info { code: $code, title: $title, explanation: $explanation, page: page!($code) }),*];
    };
}

codes! {
    // C0xx: the YAML text
    FILE_TOO_LARGE = "C001", "file too large",
        "A file of a connector may have at most 1 MiB, so that reading it can never exhaust the machine.";
    NOT_UTF8 = "C002", "not UTF-8",
        "Files are read as UTF-8. Save the file in that encoding; the place is that of the first byte that is not.";
    SYNTAX = "C003", "not valid YAML",
        "The text can't be read as YAML from this place on. Often the mistake is a little before it: a quote or bracket that is never closed, or a line with the wrong indentation.";
    TAB = "C004", "tab used as indentation",
        "YAML allows only spaces as indentation. Replace the tab, and let your editor insert spaces in YAML files.";
    EMPTY_FILE = "C005", "empty file",
        "The file holds nothing but space and comments.";
    SEVERAL_DOCUMENTS = "C006", "more than one document",
        "A file is one YAML document: remove what follows the second `---`, or put it into a file of its own.";
    ANCHOR = "C007", "anchor or alias",
        "Anchors (`&name`) and aliases (`*name`) are not used in connectors: what is written at a place is what holds there. Write the value out. A text that begins with `&` or `*` needs quotes.";
    MERGE_KEY = "C008", "merge key",
        "The merge key (`<<`) is not used in connectors. Write the keys out.";
    TAG = "C009", "tag",
        "Tags (`!name`) are not used in connectors: the key decides what type its value has. A text that begins with `!` needs quotes.";
    TOO_DEEP = "C010", "nested too deeply",
        "Lists and mappings may be nested 64 levels deep.";
    TOO_MANY_NODES = "C011", "too many nodes",
        "A file may hold at most 200,000 values.";
    KEY_NOT_TEXT = "C012", "key is not text",
        "A key must be one text; lists and mappings can't be keys.";
    DUPLICATE_KEY = "C013", "key given twice",
        "A mapping may give each key once. The second one is ignored while the rest is checked.";
    UNQUOTED_PLACEHOLDER = "C014", "placeholder without quotes",
        "A value that begins with `{{` must be quoted, because a `{` begins a mapping in YAML.";
    MISSING_FILE = "C015", "file missing",
        "A directory of a connector holds `connector.yaml`; `tests.yaml` and `logo.svg` may stand beside it.";

    // C1xx: the shape
    UNKNOWN_KEY = "C101", "unknown key",
        "The section has no such key. Keys are spelled exactly as in the reference; nothing unknown is ignored silently.";
    WRONG_TYPE = "C102", "wrong type",
        "The key takes another type of value than the one that is written.";
    MISSING_KEY = "C103", "missing key",
        "The section needs this key.";
    BAD_VALUE = "C104", "value not allowed",
        "The value has the right type, but it is not among the allowed ones or not in the allowed range.";
    BAD_NAME = "C105", "name not allowed",
        "Ids of connectors and accounts are `lower-case-with-dashes`; all other names are `lower_case_with_underscores`. Both begin with a letter.";
    EXCLUSIVE_KEYS = "C106", "keys that exclude each other",
        "Exactly one of these keys is allowed here.";
    WRONG_ID = "C107", "id and place differ",
        "A connector's id is the name of its directory, an account's the name of its file: what is looked for is found.";
    DUPLICATE_ID = "C108", "id used twice",
        "Two connectors, or two accounts, have the same id.";
    MISPLACED_KEY = "C109", "key in the wrong place",
        "The key is known here, but it means nothing together with the others that are given.";
    BAD_SCHEMA = "C110", "not a usable schema",
        "The JSON Schema of a field contradicts itself, or uses a keyword that does not apply to its type.";
    BAD_DEFAULT = "C111", "default does not fit",
        "A default must fit the schema that it stands in: otherwise every call that leaves the field out would fail.";

    // C2xx: names and references
    UNKNOWN_NAME = "C201", "unknown name",
        "An expression reads a name that does not exist.";
    NAME_NOT_HERE = "C202", "name not available here",
        "The name exists, but not at this place: an answer is there only after its request, an entry only inside `each`.";
    UNKNOWN_FIELD = "C203", "unknown field",
        "The name has no such part: the field, the captured value or the output is not declared.";
    UNKNOWN_STEP = "C204", "unknown step",
        "There is no step of that id before this place. Steps run in order, and each sees those before it.";
    UNKNOWN_REFERENCE = "C205", "reference to nothing",
        "The server, sign-in, lookup, action or account that is named does not exist.";
    CALL_CYCLE = "C206", "actions call each other in a circle",
        "An action must not call itself, directly or through others: it would never end.";
    DUPLICATE_STEP = "C207", "step id used twice",
        "Each step of an action has an id of its own: `steps.<id>` must mean one of them.";
    RESERVED_NAME = "C208", "reserved name",
        "The name has a meaning of its own in the language.";
    PATH_NOT_HERE = "C209", "path without an answer",
        "A path (`$.…`) looks into an answer, or into an entry of `each`; there is none at this place.";
    MISSING_CONFIG = "C210", "config is not declared",
        "An action that is called, and a lookup, work with the config of the action that uses them: what they need must be declared there.";
    FIELD_JOINS_TWICE = "C211", "field declared twice",
        "An action's `object` brings its fields into the inputs and what they depend on into the config. A field of the action by the same name would hide it.";

    // C3xx: expressions and paths
    EXPRESSION = "C301", "not an expression",
        "What stands between `{{` and `}}` is an expression as minijinja (Jinja) writes them, of at most 2,000 bytes. A place that takes a test, such as `when`, takes exactly one.";
    UNKNOWN_FILTER = "C302", "unknown filter, test or function",
        "The language has only the filters, tests and functions that its reference lists.";
    WRONG_ARGUMENT = "C303", "wrong argument",
        "An argument is missing, is one too many, or can't be what is written. Arguments are given in order or by name.";
    NOT_IN_LANGUAGE = "C304", "not part of the language",
        "Templates have expressions only: no statements, comments, methods, white space control, or arguments spread by `*`.";
    UNCLOSED_PLACEHOLDER = "C305", "placeholder never closed",
        "A `{{` needs a `}}` after its expression; one inside quotes doesn't count.";
    FILTER_BINDS_TIGHTER = "C306", "filter applies to the last part only",
        "A filter belongs to what stands right before it: `a ~ b | f` is `a ~ (b | f)`. Brackets say what is meant.";
    RAW_NOT_LAST = "C307", "`raw` in the middle",
        "`raw`, `identifier` and `time_literal` say how a placeholder is put in, so each can only be the last filter.";
    UNCLEAR_NUMBER = "C308", "unclear number",
        "A text without quotes looks like a number, but it begins with 0, has more than 64 bits, or is one that JSON doesn't have. Phone numbers and ids need quotes.";
    PATH = "C309", "not a JSONPath",
        "A text that begins with `$` is a JSONPath here (RFC 9535), of at most 512 bytes.";
    UNSUPPORTED_PATH = "C310", "JSONPath not supported",
        "The path is one of the few that the engine would not evaluate rightly, or that RFC 9535 calls ill-typed. Use two steps, or `each` with `when`.";

    SINGLE_BRACES = "C311", "single braces",
        "A placeholder has two braces on each side, `{{ input.name }}`. What has one is sent as it is written.";

    // C4xx: sign-in
    CREDENTIAL_OUTSIDE_AUTH = "C401", "credential outside `auth`",
        "Credentials are known to `auth` only: there they are put on requests to declared hosts. Nowhere else can they leak.";
    SECRET_IN_URL = "C402", "secret in a URL",
        "Sign-in URLs go through browsers, histories and logs. Only fields with `secret: false` may stand in them. The path of a request for a token is in the provider's logs: there it is a warning, since some APIs take a secret nowhere else.";
    UNKNOWN_SCOPE = "C403", "unknown scope",
        "The account lists the scopes that may be asked for, and this one is not among them.";
    CREDENTIAL_HEADER = "C404", "credential as a header",
        "Headers that carry credentials are set by `auth`, which keeps them out of traces and away from other hosts.";
    NO_TOKEN = "C405", "scheme without a token",
        "`auth.token` is what `oauth2` and `token_exchange` get; other schemes have fields only.";
    FORGEABLE = "C406", "event that anybody could make up",
        "A delivery is believed because it holds something that only the provider can have written, or because the provider confirms it. Compare what it brings with what a secret gives, or ask before it is believed.";
    WRITTEN_KEY = "C407", "key written into the connector",
        "Whoever reads the connector would know the key, and every org would sign with the same one. Declare a sign-in field for it, and use that: `auth.private_key`.";
    SECRET_HANDED_ON = "C408", "secret that others would see",
        "What is kept in `connection`, handed on as an output or said to a customer is neither sealed nor hidden: it stands in traces and in what a model reads. Credentials stay in `auth`.";
    SECRET_ASKED = "C409", "credential asked of the wrong one",
        "Inputs are filled in by a model, and config stands open in the builder's settings. Credentials are declared in `fields` of `auth`, which are sealed.";
    FILLS_NOTHING = "C410", "element that nothing fills",
        "`fill` puts a credential into an empty element of the bodies that are sent. An element that no body has stays without it, and the provider is asked without signing in.";
    SIGNED_AS_READ = "C411", "signature over what was read",
        "A signature is over the bytes that were sent, with their blanks and their order. `request.body` is what was read from them, which is written otherwise.";
    SCHEME_TWICE = "C412", "credential introduced twice",
        "`bearer` writes `Bearer ` before the token by itself. Providers refuse `Bearer Bearer …`.";
    OWN_SIGN_IN = "C451", "sign-in that an org's own connector can't have",
        "An org's own connector signs in by fields. Consents belong to apps that ops registered, and accounts to the connectors that ops trust with them.";

    // C5xx: requests
    BAD_METHOD = "C501", "not an HTTP method",
        "Methods are written in capital letters: `GET`, `POST`, `PROPFIND`.";
    BAD_PATH = "C502", "path that can't be sent",
        "A path begins with `/`, stays under the base URL, and has no query: that has a key of its own. What isn't allowed in a URL is percent-encoded.";
    NOT_HTTPS = "C503", "not https",
        "Providers are called by https only.";
    BAD_URL = "C504", "not a base URL",
        "A base URL is absolute: `https://`, a host, perhaps a path; no user, no query, no fragment.";
    UNDECLARED_HOST = "C505", "host not declared",
        "Where the host of a URL comes from a value, `hosts` must say which ones are meant: a credential never goes anywhere else.";
    BAD_HOST = "C506", "not a host pattern",
        "A host is written as a name, in which `*` may stand for part of one label: `*.example.com`.";
    BAD_HEADER = "C507", "header that can't be sent",
        "Header names have letters, digits and dashes; some belong to the connection and are never given by connectors.";
    EFFECT_MISMATCH = "C508", "effect and method contradict each other",
        "An action that only reads can't change anything. What an action may do decides whether it is confirmed, journaled and repeated.";
    QUOTED_LITERAL = "C509", "placeholder inside quotes",
        "In a query (`literals`) a placeholder becomes a whole literal, with quotes where its language has them. Inside other quotes it would end them.";
    BLIND_REPETITION = "C510", "money that may be sent twice blindly",
        "What is `idempotent` is sent again when its answer is lost. Money moves twice then, unless the provider knows the repetition: by `execution.key`, or by a value that the request carries and `by` names.";
    FIRST_PAGE_ONLY = "C511", "pages without an end in sight",
        "The sample answers tell that there is more, and the request has no `pages`: only the first part would ever be seen. `pages` reads on, and its `max` bounds it.";
    SILENT_END = "C512", "end that nobody is told of",
        "A request with `pages` stops at `max` of them. `truncated` tells whether there was more: without it a model takes a part for the whole.";
    ENCODED_TWICE = "C513", "encoded twice",
        "Parts of a path, queries and forms are percent-encoded for their place. What is encoded already arrives with its percent signs.";
    UNESCAPED = "C514", "value that nothing escapes",
        "Text that is JSON, XML or a query in its receiver's eyes is put together here without escaping: a value with a quote or a bracket changes what it means.";
    ROUNDS_SHARE_KEY = "C515", "rounds that share a key",
        "`execution.key` is the same in all rounds of a step with `each`. A provider that knows repetitions by it does the first one only.";
    NO_UNDO = "C516", "write that stays when a later one fails",
        "A write before another one needs a way back, or must be safe to repeat: if the later one fails, nobody can call again without doing the first part twice.";
    BLIND_VERIFY = "C517", "verification of nothing in particular",
        "`verify` finds out whether this write happened. What it asks, or what it compares, has to be of this write.";
    SENT_TWICE = "C518", "pages that are asked for wrongly",
        "`pages` puts its own parameter into each further request: it must be one that the request doesn't use for something else. Entries are counted by `size`, so the provider has to be asked for as many.";
    OWN_HOST = "C551", "host that an org's own connector can't call",
        "An org's own connector calls the hosts that its URLs write out, and those by their names on the public internet.";

    // C6xx: the types of values
    WRONG_KIND = "C601", "value of the wrong kind",
        "A filter, a function or an operator is given a value that it can't work on: it would fail whenever it runs. Where only the sample answers in `tests.yaml` show what the value is, this is a warning.";
    NEVER_EQUAL = "C602", "comparison that always comes out the same",
        "The two sides can't be equal, or have no order: they are of different kinds, or the word is none of those that the value can be. Mostly it is misspelt.";
    DECIDED = "C603", "test that is always true, or never",
        "What is tested can only come out one way, so the test decides nothing.";
    MAY_BE_MISSING = "C604", "value that may be missing",
        "A field that may be left out is used where a value is needed: calls that leave it out would fail. Give it a default, make it required, or test it first.";
    NOT_ONE_VALUE = "C605", "list or mapping where one value is needed",
        "Text, a part of a URL and a header take one value: text, a number, true or false.";
    NOT_IN_SAMPLES = "C606", "not in any sample answer",
        "A path or a name looks for something that none of the answers in `tests.yaml` has at this place. Either it is misspelt and never finds anything, or no case shows it yet.";
    NEEDLESS_FILTER = "C607", "filter that does nothing",
        "The value is already what the filter would make of it.";
    UNCHECKED_FORMAT = "C608", "format that nobody checks",
        "A field is used as a date-time or as a time zone, and its schema lets any text pass. With `format` a wrong value is refused before anything is sent, with words that a model can act on.";
    BAD_ARGUMENT = "C609", "argument that doesn't fit",
        "An action calls another one with a value that its input can't be.";
    NEVER_COMES_OUT = "C610", "output that never comes out",
        "A case expects something that the action's `output` can't give.";

    // C7xx: steps
    UNREACHABLE = "C701", "never reached",
        "Nothing leads to this step: something before it always ends the execution, or its own test is never true.";
    WAIT_NOT_HERE = "C702", "wait where nothing can be parked",
        "Only an action's own steps wait: its execution is parked with what its steps gave so far. An action that is called, a lookup and `after_connect` answer at once.";

    // C8xx: warnings
    UNUSED_FIELD = "C801", "unused field",
        "Somebody fills the field in, and nothing reads it.";
    UNUSED_OUTPUT = "C802", "unused output",
        "A request that only reads, and nobody reads what it found.";
    RAW = "C803", "escaping switched off",
        "`raw` puts a value in as it is. Whoever controls the value controls the document.";
    NO_VERIFY = "C804", "write that can't be verified",
        "When the answer to this write is lost, nobody can tell whether it happened: the call ends as `unknown_outcome`.";
    SHORT_DESCRIPTION = "C805", "short description",
        "A language model decides by the description whether and how to call the action.";
    LOOKS_LIKE_PATH = "C806", "looks like a path",
        "Here a text that begins with `$.` is sent as it is.";
    NEEDLESS_EFFECT = "C807", "effect without a write",
        "The action is declared to change something, but all that it sends is read-only.";

    UNUSED_OBJECT = "C808", "object that nothing writes",
        "An action with an object asks for its fields, and the mapping makes `record` of them. Without somebody who sends `record` all that is lost.";
    VAGUE = "C809", "words that say nothing",
        "A model knows an action and its inputs by their names and descriptions. One that repeats the name, or stands for a text that nobody has written, tells it nothing.";
    OUTPUT_TOO_LARGE = "C810", "output larger than its budget",
        "What an action hands on is read by a language model, and its room is small. `max_output` is the most bytes, as JSON, that an output may have; the cases show what comes out.";

    TODO = "C890", "something left to do",
        "A comment that begins with `TODO:` says what is not finished: whoever made the connector, or a command that made it, could not know it. Do it, or decide that it is right as it is, and remove the comment.";

    // C9xx: tests
    MISSING_CASE = "C901", "action without a case",
        "Each action needs a case in which it succeeds and one in which it fails, each event one in which it is handed on, and what verifies deliveries one that is refused: only then are they known to work before anybody is connected.";
    DUPLICATE_CASE = "C902", "two cases of one name",
        "A case is told from others by its name, which says what it shows.";
    NEVER_MATCHES = "C903", "request that can never match",
        "What is written of the request can't be said of any request: URLs are absolute, paths begin with `/`, and the query has a key of its own.";
    NEVER_ANSWERS = "C904", "answer that is never given",
        "The first sandbox answer that matches is given, and one before this matches everything that this one does.";
    BAD_MAPPING = "C905", "mapping that can't be used",
        "The mapping of a case is checked like one that a builder saves: its fields exist, its transforms are expressions over `value`, and each field of the org gets one value.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_well_formed_and_in_order() {
        for pair in ALL.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} stands before {}", pair[0].code, pair[1].code);
        }
        for info in ALL {
            let digits = info.code.strip_prefix('C').expect("starts with C");
            assert!(digits.len() == 3 && digits.bytes().all(|it| it.is_ascii_digit()), "{}", info.code);
            assert!(!info.title.is_empty() && !info.title.ends_with('.'), "{}", info.code);
            assert!(info.explanation.ends_with('.'), "{}: a paragraph ends with a full stop", info.code);
        }
    }

    #[test]
    fn explains_a_code_in_any_case() {
        assert_eq!(explain("c101").map(|it| it.title), Some("unknown key"));
        assert!(explain("C000").is_none());
    }
}
