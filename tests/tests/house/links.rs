//! Links between the pages of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{files, root};

/// A page's text without its code.
fn prose(text: &str) -> String {
    let mut code = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// What its links lead to.
fn links(prose: &str) -> Vec<&str> {
    let inline = prose.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    let named = prose.lines().filter(|line| line.starts_with('['));
    let named = named.filter_map(|line| line.split_once("]: ").map(|(_, link)| link));
    inline.chain(named).collect()
}

/// The anchors of its headings, as GitHub makes them.
fn anchors(prose: &str) -> Vec<String> {
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().expect("a folder").join(file),
    };
    if anchor.is_empty() {
        return target.exists();
    }
    let text = fs::read_to_string(target).unwrap_or_default();
    anchors(&prose(&text)).iter().any(|own| own == anchor)
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages: Vec<PathBuf> = fs::read_dir(root())
        .expect("the workspace")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    for folder in ["docs", "examples", "lock-inspect", "monitoring"] {
        files(&root().join(folder), "md", &mut pages);
    }
    let mut count = 0;
    for page in &pages {
        let prose = prose(&fs::read_to_string(page).expect("text"));
        for link in links(&prose)
            .into_iter()
            .filter(|link| !link.starts_with("http"))
        {
            assert!(leads_somewhere(page, link), "{}: {link}", page.display());
            count += 1;
        }
    }
    assert!(pages.len() > 10 && count > 10, "{count} links in {pages:?}");
}

/// Whoever is called by an alert finds what to do behind its address, once that of the pages is put in.
#[test]
fn every_alert_leads_to_its_section() {
    let rules = fs::read_to_string(root().join("monitoring/rules.yml")).expect("text");
    let alerts = rules.split("- alert: ").skip(1);
    let mut count = 0;
    for alert in alerts {
        let name = alert.lines().next().expect("a name");
        let address = alert.split("runbook_url: \"").nth(1);
        let address = address.and_then(|rest| rest.split('"').next());
        let link = address.and_then(|url| url.strip_prefix("https://runbooks.example/"));
        let link = link.unwrap_or_else(|| panic!("{name} has no runbook"));
        assert!(
            link.ends_with(&format!("#{}", name.to_lowercase())),
            "{link}"
        );
        assert!(
            leads_somewhere(&root().join("README.md"), link),
            "{name}: {link}"
        );
        count += 1;
    }
    assert!(count >= 9, "{count} alerts");
}

#[test]
fn every_guide_is_found_from_the_readme_and_from_the_documentation() {
    let text = |path: &str| fs::read_to_string(root().join(path)).expect("text");
    let readme = text("README.md");
    let (front, guides) = (
        text("lock-runtime/src/lib.rs"),
        text("lock-runtime/src/guides/mod.rs"),
    );
    let mut pages = Vec::new();
    files(&root().join("docs"), "md", &mut pages);
    assert!(pages.len() >= 5, "{pages:?}");
    for page in pages {
        let name = page.file_stem().expect("a name").to_string_lossy();
        assert!(readme.contains(&format!("(docs/{name}.md)")), "{name}");
        assert!(
            guides.contains(&format!("include_str!(\"{name}.md\")")),
            "{name}"
        );
        let module = name.replace('-', "_");
        assert!(front.contains(&format!("(guides::{module})")), "{name}");
    }
}
