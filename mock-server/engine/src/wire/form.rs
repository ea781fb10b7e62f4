//! Form bodies: URL-encoded and multipart.
//!
//! Source: docs/stack.md#forms.

use std::borrow::Cow;

use super::charset::Charset;
use super::urlencoded::{self, MAX_FIELDS, TooManyFields};

/// The most files in a multipart body that the stack accepts.
const MAX_FILES: usize = 100;

/// The value of a form field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormValue {
    /// Text.
    Text(String),
    /// An uploaded file, which no field of the API accepts.
    File,
}

/// A form. Its fields are in the order sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Pairs of name and value.
    pub fields: Vec<(String, FormValue)>,
}

/// A reason why a form is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormError {
    /// More than a thousand fields, or more than a hundred files.
    TooManyFields,
    /// Wrong syntax, in the words of the stack.
    Syntax(String),
}

impl From<TooManyFields> for FormError {
    fn from(_: TooManyFields) -> Self {
        Self::TooManyFields
    }
}

impl Form {
    /// Parses a URL-encoded body.
    pub fn from_urlencoded(body: &[u8], charset: Charset) -> Result<Self, FormError> {
        let fields = urlencoded::decode_as(body, charset)?
            .into_iter()
            .map(|(name, value)| (name.into_owned(), FormValue::Text(value.into_owned())))
            .collect();
        Ok(Self { fields })
    }

    /// Parses a multipart body. Text outside of the boundaries is ignored, and so are parts
    /// without a name.
    pub fn from_multipart(body: &[u8], boundary: Option<&str>) -> Result<Self, FormError> {
        let invalid =
            |shown: &str| FormError::Syntax(format!("Invalid boundary in multipart: {shown}"));
        let boundary = boundary.ok_or_else(|| invalid("None"))?;
        let printable = boundary.bytes().all(|b| (b' '..=b'~').contains(&b));
        if !printable || boundary.is_empty() || boundary.len() > 201 || boundary.ends_with(' ') {
            return Err(invalid(boundary));
        }
        let delimiter = format!("--{boundary}");
        let mut form = Self::default();
        let mut marks = find_all(body, delimiter.as_bytes()).peekable();
        while let Some(mark) = marks.next() {
            let start = mark + delimiter.len();
            if body[start..].starts_with(b"--") {
                break;
            }
            let end = marks.peek().copied().unwrap_or(body.len());
            if let Some(field) = read_part(&body[start..end]) {
                form.fields.push(field);
                let files = form.fields.iter().filter(|(_, v)| *v == FormValue::File);
                let files = files.count();
                if files > MAX_FILES || form.fields.len() - files > MAX_FIELDS {
                    return Err(FormError::TooManyFields);
                }
            }
        }
        Ok(form)
    }

    /// The last value of a field.
    pub fn last(&self, name: &str) -> Option<&FormValue> {
        self.fields
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// All values of a field, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a FormValue> {
        self.fields
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value)
    }
}

/// The positions of the delimiter at the start of a line.
fn find_all<'a>(body: &'a [u8], delimiter: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = body.get(from..)?;
            let at = from + rest.windows(delimiter.len()).position(|w| w == delimiter)?;
            from = at + delimiter.len();
            if at == 0 || body[at - 1] == b'\n' {
                return Some(at);
            }
        }
    })
}

/// Parses the bytes between two delimiters as a field.
fn read_part(part: &[u8]) -> Option<(String, FormValue)> {
    let part = part.strip_prefix(b"\r\n").or(part.strip_prefix(b"\n"))?;
    let (head, content) = match part.windows(4).position(|w| w == b"\r\n\r\n") {
        Some(at) => (&part[..at], &part[at + 4..]),
        None => return None,
    };
    let content = content.strip_suffix(b"\r\n").unwrap_or(content);
    let head = String::from_utf8_lossy(head);
    let disposition = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"))?
        .1;
    let name = parameter(disposition, "name")?.into_owned();
    let value = match parameter(disposition, "filename") {
        Some(file) if !file.is_empty() => FormValue::File,
        _ => FormValue::Text(String::from_utf8_lossy(content).into_owned()),
    };
    Some((name, value))
}

/// A parameter of a header's value, without quotes.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<Cow<'a, str>> {
    parameters(value)
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The parameters of a header's value, without quotes.
pub fn parameters(value: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let mut quoted = false;
            let mut escaped = false;
            let end = rest.find(|c| {
                let ends = c == ';' && !quoted;
                quoted ^= c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let (parameter, after) = match end {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, ""),
            };
            rest = after;
            if let Some((name, value)) = parameter.split_once('=') {
                return Some((name.trim(), unquote(value.trim())));
            }
        }
        None
    })
}

fn unquote(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
        return Cow::Borrowed(value);
    };
    if inner.contains('\\') {
        Cow::Owned(inner.replace("\\\\", "\\").replace("\\\"", "\""))
    } else {
        Cow::Borrowed(inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multipart_body_is_its_named_parts() {
        let body =
            b"preamble\r\n--x\r\nContent-Disposition: form-data; name=\"sku\"\r\n\r\n5--x00\r\n\
            --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a;b.txt\"\r\n\r\nz\r\n\
            --x\r\nContent-Disposition: form-data\r\n\r\nlost\r\n--x--\r\n";
        let form = Form::from_multipart(body, Some("x")).unwrap();
        assert_eq!(
            form.fields,
            [
                ("sku".to_owned(), FormValue::Text("5--x00".to_owned())),
                ("f".to_owned(), FormValue::File),
            ]
        );
    }

    #[test]
    fn a_boundary_is_required() {
        assert_eq!(
            Form::from_multipart(b"", None),
            Err(FormError::Syntax(
                "Invalid boundary in multipart: None".to_owned()
            ))
        );
    }
}
