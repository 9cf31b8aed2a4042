//! The page itself, which is part of the program, and the rules that browsers hold it to.

use super::http::{Head, response};

/// Nothing but what this port serves is loaded, run or connected to; nothing frames the page.
fn policy(host: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Headers of a plain text.
pub(super) const TEXT: &[(&str, &str)] = &[("Content-Type", "text/plain; charset=utf-8")];
/// Headers of the counters (Prometheus' text format 0.0.4).
pub(super) const METRICS: &[(&str, &str)] =
    &[("Content-Type", "text/plain; version=0.0.4; charset=utf-8")];

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What there is to read: path, type, content.
const FILES: [(&str, &str, &str); 10] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/commands.js", SCRIPT, include_str!("page/commands.js")),
    ("/complete.js", SCRIPT, include_str!("page/complete.js")),
    ("/link.js", SCRIPT, include_str!("page/link.js")),
    ("/person.js", SCRIPT, include_str!("page/person.js")),
    ("/talk.js", SCRIPT, include_str!("page/talk.js")),
    ("/view.js", SCRIPT, include_str!("page/view.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

/// Whether something is only to be read.
pub(super) fn is_read(head: &Head) -> bool {
    head.method == "GET" || head.method == "HEAD"
}

/// The response to a request that came under the name `host`, which was checked.
pub(super) fn respond(head: &Head, host: &str) -> Vec<u8> {
    if !is_read(head) {
        return response("405 Method Not Allowed", TEXT, b"here is only something to read\n");
    }
    let Some((_, kind, content)) = FILES.iter().find(|(path, ..)| *path == head.path) else {
        return response("404 Not Found", TEXT, b"there is /, and /metrics\n");
    };
    let policy = policy(host);
    let headers = [
        ("Content-Type", *kind),
        ("Content-Security-Policy", policy.as_str()),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ];
    response("200 OK", &headers, content.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> String {
        let text = format!("{line} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
        let (head, _) = crate::web::http::head(text.as_bytes()).expect("is sound").expect("whole");
        String::from_utf8(respond(&head, "localhost:8080")).expect("is text")
    }

    #[test]
    fn all_parts_of_the_page_are_served_under_its_policy() {
        for (path, kind, content) in FILES {
            let answer = asked(&format!("GET {path}"));
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(content));
            let policy = "default-src 'none'; script-src 'self';";
            assert!(answer.contains(kind) && answer.contains(policy), "{path}");
            assert_eq!(asked(&format!("HEAD {path}")), answer, "its body is cut off later");
        }
        for path in ["/x", "/../page.js", "//page.js", "/%2e%2e/etc/passwd", "/page.js/", "/page"] {
            assert!(asked(&format!("GET {path}")).starts_with("HTTP/1.1 404"), "{path}");
        }
        assert!(asked("POST /").starts_with("HTTP/1.1 405"));
    }

    #[test]
    fn a_command_of_the_page_is_one_of_the_chat() {
        let (_, _, script) = FILES.iter().find(|(path, ..)| *path == "/commands.js").expect("is");
        let uses = script.split("[\"/").skip(1);
        let words = uses.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        assert!(words.len() > 20, "{words:?}");
        for word in words {
            assert!(crate::chat::COMMANDS.iter().any(|known| known.word == word), "{word}");
        }
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere_and_makes_no_markup_of_strings() {
        let no_markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("];
        for (path, _, content) in FILES {
            let foreign = content.replace("http://www.w3.org/2000/svg", "");
            assert!(!foreign.contains("http://") && !foreign.contains("https://"), "{path}");
            assert!(no_markup.iter().all(|part| !content.contains(part)), "{path}");
        }
        let (_, _, html) = FILES[0];
        assert!(!html.contains("style=") && !html.contains(" on") && !html.contains("<script>"));
    }
}
