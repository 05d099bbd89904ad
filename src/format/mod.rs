//! Body and answer formats that aren't JSON: XML, multistatus, iCalendar, forms. Pure functions over text.
