//! XML for CI servers: a suite a world, a case a mistake.
//!
//! A mistake of the level `warning` or above fails its case; a note passes and is told in
//! the case's output, since a CI server knows nothing between.

use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

use super::super::{Finding, FindingLevel, MISTAKES, Mistake};
use super::text::write_finding;
use super::{WorldVerdict, one_line};

type Xml = Writer<Vec<u8>>;

/// The report as XML.
pub fn write(worlds: &[WorldVerdict]) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail, and what was written is text.
    let _ = document(&mut xml, worlds);
    let mut text = String::from_utf8(xml.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

fn document(xml: &mut Xml, worlds: &[WorldVerdict]) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failures: usize = worlds.iter().map(failures).sum();
    xml.create_element("testsuites")
        .with_attribute(("name", "whippy-mock findings"))
        .with_attribute(("tests", number(worlds.len() * MISTAKES.len()).as_str()))
        .with_attribute(("failures", number(failures).as_str()))
        .write_inner_content(|xml| worlds.iter().try_for_each(|verdict| suite(xml, verdict)))?;
    Ok(())
}

fn suite(xml: &mut Xml, verdict: &WorldVerdict) -> io::Result<()> {
    let percent = format!("{:.1}", verdict.coverage.percent());
    xml.create_element("testsuite")
        .with_attribute(("name", one_line(&verdict.world).as_ref()))
        .with_attribute(("tests", number(MISTAKES.len()).as_str()))
        .with_attribute(("failures", number(failures(verdict)).as_str()))
        .write_inner_content(|xml| {
            xml.create_element("properties")
                .write_inner_content(|xml| {
                    xml.create_element("property")
                        .with_attribute(("name", "documented responses met, percent"))
                        .with_attribute(("value", percent.as_str()))
                        .write_empty()?;
                    Ok(())
                })?;
            MISTAKES
                .iter()
                .try_for_each(|mistake| case(xml, verdict, mistake))
        })?;
    Ok(())
}

fn case(xml: &mut Xml, verdict: &WorldVerdict, mistake: &Mistake) -> io::Result<()> {
    let made = verdict.findings.iter().filter(|f| f.id == mistake.id);
    let made: Vec<&Finding> = made.collect();
    let classname = format!("whippy.{}", one_line(&verdict.world));
    let case = xml
        .create_element("testcase")
        .with_attribute(("name", mistake.id))
        .with_attribute(("classname", classname.as_str()));
    let Some(first) = made.first() else {
        case.write_empty()?;
        return Ok(());
    };
    let mut told = String::new();
    for finding in &made {
        write_finding(&mut told, finding);
    }
    case.write_inner_content(|xml| {
        if fails(mistake) {
            let message = format!(
                "{} {}: {}",
                one_line(&first.method),
                one_line(&first.target),
                one_line(&first.sent)
            );
            xml.create_element("failure")
                .with_attribute(("type", mistake.level.text()))
                .with_attribute(("message", message.as_str()))
                .write_text_content(BytesText::new(&told))?;
        } else {
            xml.create_element("system-out")
                .write_text_content(BytesText::new(&told))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn fails(mistake: &Mistake) -> bool {
    mistake.level >= FindingLevel::Warning
}

/// How many cases fail.
fn failures(verdict: &WorldVerdict) -> usize {
    let is_made = |mistake: &&&Mistake| verdict.findings.iter().any(|f| f.id == mistake.id);
    let failed = MISTAKES.iter().filter(|mistake| fails(mistake));
    failed.filter(is_made).count()
}

fn number(number: usize) -> String {
    number.to_string()
}
