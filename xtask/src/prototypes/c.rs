//! As much of C as prototypes take.

/// The name of the function that `prototype` is of.
pub(super) fn name(prototype: &str) -> Option<String> {
    let before = prototype.split('(').next()?.trim_end();
    let name = before.rsplit(|letter: char| !is_of_a_name(letter)).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whether two prototypes are the same but for blanks.
pub(super) fn spelled_alike(one: &str, other: &str) -> bool {
    tokens(one) == tokens(other)
}

/// How `source`, which has no comments, declares or defines `function`, without storage classes and attributes.
pub(super) fn prototype(source: &str, function: &str) -> Option<String> {
    source.match_indices(function).find_map(|(at, _)| {
        let (before, rest) = source.split_at(at);
        let rest = rest.strip_prefix(function)?;
        let parameters = parameters(rest.trim_start())?;
        if before.ends_with(is_of_a_name) {
            return None;
        }
        // What is between the end of the last thing and the name; a macro with arguments may stand first.
        let begins = before.rfind([';', '}', '{', ')', ',', '=', '"']).map_or(0, |end| end + 1);
        let kind: Vec<&str> = before
            .get(begins..)?
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(str::split_whitespace)
            .filter(|word| !is_left_out(word))
            .collect();
        let is_type = |word: &&str| {
            word.chars().all(|letter| is_of_a_name(letter) || letter == '*') && *word != "return"
        };
        if kind.is_empty() || !kind.iter().all(is_type) {
            return None;
        }
        let kind = kind.join(" ");
        let blank = if kind.ends_with('*') { "" } else { " " };
        Some(format!("{kind}{blank}{function}{parameters}"))
    })
}

/// Words that say nothing of how a function is called.
fn is_left_out(word: &str) -> bool {
    ["static", "extern", "inline", "noinline", "__always_inline"].contains(&word)
        || word.starts_with("__rte_")
}

/// The parenthesised text that `text` begins with, on one line.
fn parameters(text: &str) -> Option<String> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then(|| {
                text.get(..=at).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
            });
        }
    }
    None
}

/// C without its comments.
pub(super) fn without_comments(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((code, comment)) = rest.split_once("/*") {
        text.push_str(code);
        rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn tokens(prototype: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_name = false;
    for letter in prototype.chars() {
        match tokens.last_mut() {
            Some(last) if in_name && is_of_a_name(letter) => last.push(letter),
            _ if letter.is_whitespace() => {}
            _ => tokens.push(letter.to_string()),
        }
        in_name = is_of_a_name(letter);
    }
    tokens
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::{name, prototype, spelled_alike, without_comments};

    #[test]
    fn a_prototype_is_found_as_declared_and_as_defined() {
        for (source, expected) in [
            ("int f(void);", "int f(void)"),
            (
                "/* f(x) */\n#define X 1\nstatic int\nf(struct a *a,\n\t\tint b)\n{\n",
                "int f(struct a *a, int b)",
            ),
            (
                "__printf(4, 5)\nstruct t *f(int (*run)(void *data), ...);",
                "struct t *f(int (*run)(void *data), ...)",
            ),
            ("int g(int f);\nvoid f(const char *a , int b)\n#ifdef X\n", "void f(const char *a , int b)"),
            ("struct p *\nf(unsigned n);", "struct p *f(unsigned n)"),
            ("#define G(a) \\\n\tf(a, 1)\nint x = f(2);\nreturn f(3);\nlong f(char c);", "long f(char c)"),
        ] {
            let found = prototype(&without_comments(source), "f");
            assert_eq!(found.as_deref(), Some(expected), "{source}");
            assert_eq!(name(expected).as_deref(), Some("f"));
        }
        for source in ["", "int ff(void);", "return f(1);", "x = f(1);", "f(1);"] {
            assert_eq!(prototype(source, "f"), None, "{source}");
        }
    }

    #[test]
    fn only_blanks_may_differ() {
        assert!(spelled_alike("const char *a , int", "const char * a,\tint"));
        assert!(!spelled_alike("unsigned int n", "unsigned n"));
        assert!(!spelled_alike("int n", "intn"));
    }
}
