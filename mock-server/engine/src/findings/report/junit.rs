//! The report as JUnit XML for CI servers: a suite for each world, a case for each mistake made.
//!
//! A mistake fails its case if its level fails the run. A lesser one passes, with a note in the
//! case's output, since CI servers know no warnings. A world without mistakes has one case, which
//! passes.

use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

use super::super::{Finding, FindingLevel, MISTAKES, Mistake};
use super::text::write_finding;
use super::{WorldVerdict, one_line};

type Xml = Writer<Vec<u8>>;

/// The report as XML.
///
/// `fail_on` is the lowest level that fails a case; with `None` no case fails. Without any
/// world there is one skipped case, since CI servers refuse a report without cases.
pub fn write(worlds: &[WorldVerdict], fail_on: Option<FindingLevel>) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail, and the writer writes UTF-8.
    let _ = document(&mut xml, worlds, fail_on);
    let mut text = String::from_utf8(xml.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

fn document(
    xml: &mut Xml,
    worlds: &[WorldVerdict],
    fail_on: Option<FindingLevel>,
) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failures: usize = worlds
        .iter()
        .map(|verdict| failures(verdict, fail_on))
        .sum();
    let tests: usize = worlds
        .iter()
        .map(|verdict| made(verdict).len().max(1))
        .sum();
    xml.create_element("testsuites")
        .with_attribute(("name", "whippy-mock findings"))
        .with_attribute(("tests", number(tests.max(1)).as_str()))
        .with_attribute(("failures", number(failures).as_str()))
        .write_inner_content(|xml| {
            if worlds.is_empty() {
                return nothing_asked(xml);
            }
            worlds
                .iter()
                .try_for_each(|verdict| suite(xml, verdict, fail_on))
        })?;
    Ok(())
}

fn nothing_asked(xml: &mut Xml) -> io::Result<()> {
    xml.create_element("testsuite")
        .with_attribute(("name", "whippy-mock"))
        .with_attribute(("tests", "1"))
        .with_attribute(("failures", "0"))
        .with_attribute(("skipped", "1"))
        .write_inner_content(|xml| {
            xml.create_element("testcase")
                .with_attribute(("name", "the mock is asked"))
                .with_attribute(("classname", "whippy"))
                .write_inner_content(|xml| {
                    xml.create_element("skipped")
                        .with_attribute(("message", "nothing was asked of the mock"))
                        .write_empty()?;
                    Ok(())
                })?;
            Ok(())
        })?;
    Ok(())
}

fn suite(xml: &mut Xml, verdict: &WorldVerdict, fail_on: Option<FindingLevel>) -> io::Result<()> {
    let percent = format!("{:.1}", verdict.coverage.percent());
    let made = made(verdict);
    xml.create_element("testsuite")
        .with_attribute(("name", one_line(&verdict.world).as_ref()))
        .with_attribute(("tests", number(made.len().max(1)).as_str()))
        .with_attribute(("failures", number(failures(verdict, fail_on)).as_str()))
        .write_inner_content(|xml| {
            xml.create_element("properties")
                .write_inner_content(|xml| {
                    xml.create_element("property")
                        .with_attribute(("name", "documented responses met, percent"))
                        .with_attribute(("value", percent.as_str()))
                        .write_empty()?;
                    Ok(())
                })?;
            if made.is_empty() {
                return no_mistake(xml, verdict);
            }
            made.iter()
                .try_for_each(|mistake| case(xml, verdict, mistake, fail_on))
        })?;
    Ok(())
}

fn no_mistake(xml: &mut Xml, verdict: &WorldVerdict) -> io::Result<()> {
    xml.create_element("testcase")
        .with_attribute(("name", "no mistakes of the client"))
        .with_attribute(("classname", class_name(verdict).as_str()))
        .write_empty()?;
    Ok(())
}

fn class_name(verdict: &WorldVerdict) -> String {
    format!("whippy.{}", one_line(&verdict.world))
}

/// Returns the mistakes that the world's clients made, in the order of the catalogue.
fn made(verdict: &WorldVerdict) -> Vec<&'static Mistake> {
    let is_made = |mistake: &Mistake| verdict.findings.iter().any(|f| f.id == mistake.id);
    let all = MISTAKES.iter().copied();
    all.filter(|mistake| is_made(mistake)).collect()
}

fn case(
    xml: &mut Xml,
    verdict: &WorldVerdict,
    mistake: &Mistake,
    fail_on: Option<FindingLevel>,
) -> io::Result<()> {
    let made = verdict.findings.iter().filter(|f| f.id == mistake.id);
    let made: Vec<&Finding> = made.collect();
    let case = xml
        .create_element("testcase")
        .with_attribute(("name", mistake.id))
        .with_attribute(("classname", class_name(verdict).as_str()));
    let mut told = String::new();
    for finding in &made {
        write_finding(&mut told, finding);
    }
    case.write_inner_content(|xml| {
        if let (true, Some(first)) = (fails(mistake, fail_on), made.first()) {
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

fn fails(mistake: &Mistake, fail_on: Option<FindingLevel>) -> bool {
    fail_on.is_some_and(|least| mistake.level >= least)
}

/// The number of failed cases in a world's suite.
fn failures(verdict: &WorldVerdict, fail_on: Option<FindingLevel>) -> usize {
    let made = made(verdict);
    made.iter().filter(|m| fails(m, fail_on)).count()
}

fn number(number: usize) -> String {
    number.to_string()
}
