//! The report as one web page that needs nothing else: no script, no other file.

use std::fmt::Write;

use crate::setup::reasons::{Class, class, remedy};
use crate::setup::report::subject::{Subject, local_ms};
use crate::setup::report::text::phases;
use crate::setup::report::timeline::{averages, picture};
use crate::setup::tally::{Interval, Tally};
use crate::setup::words::{bytes, duration, plural};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(super) fn page(subject: &Subject) -> String {
    let tally = &subject.tally;
    let heading = escape(&subject.heading());
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>distcc: {heading}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>What was compiled where</h1>\n<p>{heading}</p>\n"
    );
    page += &tiles(tally);
    if let Some(span) = tally.span() {
        page += &timeline(tally, span);
        page += &volunteers(tally);
        page += &reasons(tally);
        page += &pump(tally);
        page += &times(tally);
    }
    page + "</body>\n</html>\n"
}

fn tiles(tally: &Tally) -> String {
    let (out, back) = tally.bytes();
    let tiles = [
        (tally.distributed().to_string(), "units compiled by volunteers"),
        (tally.units_here().to_string(), "units compiled here"),
        ((tally.local() - tally.units_here()).to_string(), "links, tests and questions, here"),
        (duration(tally.active_ms()), "in which anything was compiled"),
        (format!("{} / {}", bytes(out), bytes(back)), "sent / received"),
    ];
    let mut html = "<div class=\"tiles\">\n".to_owned();
    for (number, what) in tiles {
        line(&mut html, &format!("<div><b>{number}</b>{what}</div>"));
    }
    html + "</div>\n"
}

/// A row for each volunteer and for this machine: how many slots were taken when.
fn timeline(tally: &Tally, span: Interval) -> String {
    let mut html = "<h2>Slots taken</h2>\n".to_owned();
    for (name, share) in &tally.volunteers {
        let most = share.most_at_once();
        let full = share.slots.map_or(most, |slots| most.max(slots as usize));
        let curve = picture(&averages(&share.taken, span), full as f64);
        let of = share.slots.map(|slots| format!(" of {slots}")).unwrap_or_default();
        let label = format!("{} <span class=\"soft\">up to {most}{of}</span>", escape(name));
        line(&mut html, &format!("<div class=\"row\"><span>{label}</span>{curve}</div>"));
    }
    if !tally.here.is_empty() {
        let here = averages(&tally.here, span);
        let most = here.iter().copied().fold(1.0, f64::max).ceil();
        let label = format!("here <span class=\"soft\">up to {most}</span>");
        let curve = picture(&here, most);
        line(&mut html, &format!("<div class=\"row here\"><span>{label}</span>{curve}</div>"));
    }
    let (start, end) = (local_ms(span.0), local_ms(span.1));
    html + &format!("<div class=\"axis\"><span>{start}</span><span>{end}</span></div>\n")
}

fn volunteers(tally: &Tally) -> String {
    if tally.volunteers.is_empty() {
        return String::new();
    }
    let mut html = "<h2>Volunteers</h2>\n<table>\n<tr><th>Volunteer<th class=\"n\">Units\
                    <th class=\"n\">Sent<th class=\"n\">Received<th class=\"n\">Slots used</tr>\n"
        .to_owned();
    let active_ms = tally.active_ms();
    for (name, share) in &tally.volunteers {
        let used = share.used_percent(active_ms).map(|percent| format!("{percent} %"));
        let (out, back) = (bytes(share.bytes_out), bytes(share.bytes_in));
        let row = format!(
            "<tr><td class=\"name\">{}<td class=\"n\">{}<td class=\"n\">{out}<td class=\"n\">{back}\
             <td class=\"n\">{}</tr>",
            escape(name),
            share.units,
            used.unwrap_or_default(),
        );
        line(&mut html, &row);
    }
    html + "</table>\n"
}

fn reasons(tally: &Tally) -> String {
    if tally.stayed.is_empty() {
        return String::new();
    }
    let mut html = "<h2>Why the rest ran here</h2>\n<table>\n<tr><th class=\"n\">Commands\
                    <th>Reason<th class=\"n\">Compiling</tr>\n"
        .to_owned();
    for (counter, stayed) in tally.reasons() {
        let act = if class(counter) == Class::Act { " class=\"act\"" } else { "" };
        let sentences: Vec<_> = stayed.sentences.iter().map(|text| escape(text)).collect();
        let examples = escape(&stayed.examples.join(", "));
        let more = if stayed.commands > stayed.examples.len() { ", …" } else { "" };
        let remedy = remedy(counter).map(|remedy| {
            format!("<br><span class=\"soft\">To mend it: <code>{}</code></span>", escape(remedy))
        });
        let row = format!(
            "<tr{act}><td class=\"n\">{}<td class=\"name\">{}<br><span class=\"soft\">{}: \
             {examples}{more}</span>{}<td class=\"n\">{}</tr>",
            stayed.commands,
            sentences.join("<br>"),
            escape(counter),
            remedy.unwrap_or_default(),
            duration(stayed.compile_ms),
        );
        line(&mut html, &row);
    }
    html + "</table>\n"
}

fn pump(tally: &Tally) -> String {
    if tally.pumped == 0 && tally.plain.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<h2>Pump mode</h2>\n<p>{} went in pump mode.</p>\n<table>\n",
        plural(tally.pumped, "unit")
    );
    for (counter, plain) in tally.plain_reasons() {
        let sentences: Vec<_> = plain.sentences.iter().map(|text| escape(text)).collect();
        let row = format!(
            "<tr><td class=\"n\">{}<td class=\"name\">not: {}<br>\
             <span class=\"soft\">{}</span></tr>",
            plain.commands,
            sentences.join("<br>"),
            escape(counter),
        );
        line(&mut html, &row);
    }
    html + "</table>\n"
}

fn times(tally: &Tally) -> String {
    let phases = phases(tally);
    let longest = phases.iter().map(|(_, spent)| *spent).max().unwrap_or(0).max(1);
    let compiles = plural(tally.distributed() + tally.local(), "command");
    let mut html = format!(
        "<h2>Where the time went</h2>\n<p>All {compiles} together; many run at once.</p>\n<table>\n"
    );
    for (name, spent) in phases {
        let here = matches!(name, "compiling here" | "preprocessing" | "writing outputs");
        let class = if here { "bar here" } else { "bar" };
        let percent = spent.saturating_mul(100) / longest;
        let row = format!(
            "<tr><td>{name}<td class=\"n\">{}<td style=\"width:60%\"><div class=\"{class}\" \
             style=\"width:{percent}%\"></div></tr>",
            duration(spent),
        );
        line(&mut html, &row);
    }
    html + "</table>\n"
}

/// Text that means itself in HTML, also in an attribute.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

fn line(html: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(html, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::journal::Entry;
    use crate::setup::tally::{local, ran, remote};

    fn subject(entries: Vec<Entry>) -> Subject {
        let tally = Tally::of(&entries, &[]);
        Subject { dir: "/d".into(), build: None, since: None, entries, tally }
    }

    #[test]
    fn what_the_journal_says_is_text_and_no_markup() {
        let evil = "<script>alert('&\"')</script>";
        let page = page(&subject(vec![remote(evil, evil), local(evil, evil, evil)]));
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)"), "{page}");
    }

    #[test]
    fn a_page_about_nothing_is_a_page() {
        let page = page(&subject(Vec::new()));
        assert!(page.ends_with("</body>\n</html>\n") && page.contains("<b>0</b>"), "{page}");
    }

    #[test]
    fn volunteers_reasons_and_times_are_on_the_page() {
        let entries = vec![
            ran(remote("a.c", "10.0.0.2/4"), 1000, 3000),
            ran(local("b.c", "native", "-march=native: each its own"), 1000, 2000),
        ];
        let page = page(&subject(entries));
        for wanted in ["10.0.0.2", "up to 1 of 4", "-march=native: each its own", "march=replace"] {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
        assert_eq!(page.matches("<svg").count(), 2);
    }
}
