"""The corpus: what files people send, and what becomes of each.

The table knows `code` and `name`, which it needs, and `amount`, also called `price`.
"""

import gzip
import io
import zipfile
from dataclasses import dataclass, field

from sfn_cqrs.machines.import_csv.csv.header import Columns

COLUMNS = Columns(("code", "name", "amount"), frozenset({"code", "name"}), {"price": "amount"})
LENIENT = Columns(("code", "name"), frozenset({"code", "name"}), refuses_unknown=False)
HEADER = ["code", "name", "amount"]
TWO = [(2, ["1", "a", "10"]), (3, ["2", "b", "20"])]
JAPANESE = "code,name,amount\r\n1,山田　太郎,10\r\n2,高橋ソース①,20\r\n"
JAPANESE_ROWS = [(2, ["1", "山田　太郎", "10"]), (3, ["2", "高橋ソース①", "20"])]


@dataclass(frozen=True)
class Case:
    """A file; either the rows by number, those with a problem, and the obstacle, or a refusal."""

    data: bytes
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    obstacle: str | None = None
    refused: str | None = None
    says: str = ""
    encoding: str | None = None
    delimiter: str | None = None
    columns: Columns = COLUMNS
    found_in: str | None = None


def of(text, written_in="utf-8", /, **expected):
    return Case(text.encode(written_in), **expected)


def refused(data, problem, says, **more):
    raw = data.encode() if isinstance(data, str) else data
    return Case(raw, refused=problem, says=says, **more)


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


BLANK, RAGGED = "a blank row", "a ragged row"
ENCODING = "another encoding than UTF-8 without a byte order mark"
DELIMITER = "another delimiter than the comma"
HEAD = "a header that is not in the first row, or is large"
BREAK = "a line break in a cell"
LONG = "x" * 200_000
WIDE = "b" * 500
CORPUS = {
    "plain, LF": of("code,name,amount\n1,a,10\n2,b,20\n", rows=TWO),
    "plain, CRLF": of("code,name,amount\r\n1,a,10\r\n2,b,20\r\n", rows=TWO),
    "plain, no line end at the end": of("code,name,amount\n1,a,10\n2,b,20", rows=TWO),
    "plain, quoted": of('"code","name","amount"\n"1","a","10"\n"2","b","20"\n', rows=TWO),
    "plain, a comma and a quote in a cell": of(
        'code,name,amount\n1,"a, ""b""",10\n', rows=[(2, ["1", 'a, "b"', "10"])]
    ),
    "plain, empty cells": of("code,name,amount\n1,,\n", rows=[(2, ["1", "", ""])]),
    "plain, UTF-8": of(JAPANESE, rows=JAPANESE_ROWS),
    "plain, an emoji": of("code,name,amount\n1,😀,10\n", rows=[(2, ["1", "😀", "10"])]),
    "plain, blanks around cells": of(
        "code,name,amount\n 1 ,a ,10\n", rows=[(2, [" 1 ", "a ", "10"])]
    ),
    "plain, columns in another order": of(
        "amount,code,name\n10,1,a\n", rows=[(2, ["10", "1", "a"])]
    ),
    "plain, without the optional column": of("code,name\n1,a\n", rows=[(2, ["1", "a"])]),
    "plain, an alias": of("code,name,price\n1,a,10\n", rows=[(2, ["1", "a", "10"])]),
    "blanks around a name of the header": of(
        "code, Name ,amount\n1,a,10\n",
        rows=[(2, ["1", "a", "10"])],
        obstacle="blanks around a name of the header",
    ),
    "plain, capitals and wide letters in the header": of(
        "ＣＯＤＥ,Name,AMOUNT\n1,a,10\n", rows=[(2, ["1", "a", "10"])]
    ),
    "plain, a line separator inside a cell": of(
        "code,name,amount\n1,a b,10\n", rows=[(2, ["1", "a b", "10"])]
    ),
    "a corrected errors.csv": of(
        "code,name,amount,row,code,reason\n1,a,10,7,invalid,no\n",
        rows=[(2, ["1", "a", "10", "7", "invalid", "no"])],
        obstacle="a name that is twice in the header",
    ),
    "byte order mark": Case(
        b"\xef\xbb\xbfcode,name,amount\n1,a,10\n2,b,20\n", rows=TWO, obstacle=ENCODING
    ),
    "byte order mark before a quote": Case(
        b'\xef\xbb\xbf"code","name","amount"\n1,a,10\n2,b,20\n', rows=TWO, obstacle=ENCODING
    ),
    "CP932": of(JAPANESE, "cp932", rows=JAPANESE_ROWS, obstacle=ENCODING, found_in="cp932"),
    "CP932, a backslash as second byte": of(
        "code,name,amount\n1,表示ソ能,10\n",
        "cp932",
        rows=[(2, ["1", "表示ソ能", "10"])],
        obstacle=ENCODING,
        found_in="cp932",
    ),
    "CP932, half-width katakana and kanji": of(
        "code,name,amount\n1,ｶﾅ漢字かな,10\n",
        "cp932",
        rows=[(2, ["1", "ｶﾅ漢字かな", "10"])],
        obstacle=ENCODING,
        found_in="cp932",
    ),
    "CP932, declared as Shift_JIS": of(
        JAPANESE, "cp932", encoding="Shift_JIS", rows=JAPANESE_ROWS, obstacle=ENCODING
    ),
    "CP932 after much ASCII": of(
        "code,name,amount\n" + "1,a,10\n" * 20_000 + "2,山田,20\n",
        "cp932",
        rows=[(n, ["1", "a", "10"]) for n in range(2, 20_002)] + [(20_002, ["2", "山田", "20"])],
        obstacle=ENCODING,
        found_in="cp932",
    ),
    "EUC-JP": of(
        JAPANESE, "euc_jis_2004", rows=JAPANESE_ROWS, obstacle=ENCODING, found_in="euc-jp"
    ),
    "EUC-JP, declared": of(
        JAPANESE, "euc_jis_2004", encoding="EUC-JP", rows=JAPANESE_ROWS, obstacle=ENCODING
    ),
    "UTF-16, little-endian with its mark": Case(
        b"\xff\xfe" + JAPANESE.encode("utf-16-le"), rows=JAPANESE_ROWS, obstacle=ENCODING
    ),
    "UTF-16, big-endian with its mark": Case(
        b"\xfe\xff" + JAPANESE.encode("utf-16-be"), rows=JAPANESE_ROWS, obstacle=ENCODING
    ),
    "UTF-16, no mark": of(
        JAPANESE, "utf-16-le", rows=JAPANESE_ROWS, obstacle=ENCODING, found_in="utf-16le"
    ),
    "UTF-16, big-endian, no mark": of(
        JAPANESE, "utf-16-be", rows=JAPANESE_ROWS, obstacle=ENCODING, found_in="utf-16be"
    ),
    "UTF-16, declared, with a mark": Case(
        b"\xfe\xff" + JAPANESE.encode("utf-16-be"),
        encoding="utf-16",
        rows=JAPANESE_ROWS,
        obstacle=ENCODING,
    ),
    "UTF-16 with tabs, as Excel saves Unicode text": Case(
        b"\xff\xfe" + "code\tname\tamount\r\n1\ta\t10\r\n2\tb\t20\r\n".encode("utf-16-le"),
        rows=TWO,
        obstacle=ENCODING,
    ),
    "Windows-1252, declared": of(
        "code,name,amount\n1,Zoë,10\n",
        "cp1252",
        encoding="windows-1252",
        rows=[(2, ["1", "Zoë", "10"])],
        obstacle=ENCODING,
    ),
    "Windows-1252, not declared": refused(
        "code,name,amount\n1,a,10\n2,Zoë,10\n".encode("cp1252"),
        "encoding",
        "row 3: byte 0xEB is not valid in UTF-8; save the file as UTF-8, or name its encoding",
    ),
    "CP932 declared as UTF-8": refused(
        JAPANESE.encode("cp932"),
        "encoding",
        "row 2: byte 0x8E is not valid in UTF-8; save the file as UTF-8, or name its encoding",
        encoding="utf-8",
    ),
    "one wrong byte far down": refused(
        b"code,name,amount\n" + "1,é,10\n".encode() * 200_000 + b"2,\xff,20\n",
        "encoding",
        "row 200002: byte 0xFF is not valid in UTF-8; save the file as UTF-8, or name its encoding",
    ),
    "UTF-8 cut in the middle of a letter": refused(
        "code,name,amount\n1,é".encode()[:-1],
        "encoding",
        "row 2: byte 0xC3 is not valid in UTF-8; save the file as UTF-8, or name its encoding",
    ),
    "semicolons": of("code;name;amount\n1;a;10\n2;b;20\n", rows=TWO, obstacle=DELIMITER),
    "semicolons, commas in cells": of(
        "code;name;amount\n1;a,b,c,d;1,5\n", rows=[(2, ["1", "a,b,c,d", "1,5"])], obstacle=DELIMITER
    ),
    "tabs": of("code\tname\tamount\n1\ta\t10\n2\tb\t20\n", rows=TWO, obstacle=DELIMITER),
    "pipes": of("code|name|amount\n1|a|10\n2|b|20\n", rows=TWO, obstacle=DELIMITER),
    "a delimiter that is declared": of(
        "code;name;amount\n1;a;10\n2;b;20\n", delimiter=";", rows=TWO, obstacle=DELIMITER
    ),
    "a delimiter that is declared wrongly": refused(
        "code;name;amount\n1;a;10\n",
        "header_missing",
        "the header lacks 'code', 'name'; it has 'code;name;amount'",
        delimiter=",",
    ),
    "lone carriage returns": of(
        "code,name,amount\r1,a,10\r2,b,20\r", rows=TWO, obstacle="a lone carriage return"
    ),
    "mixed line ends": of(
        "code,name,amount\r\n1,a,10\n2,b,20\r", rows=TWO, obstacle="a lone carriage return"
    ),
    "a line break in a cell": of(
        'code,name,amount\n1,"a\nb",10\n2,b,20\n',
        rows=[(2, ["1", "a\nb", "10"]), (3, ["2", "b", "20"])],
        obstacle=BREAK,
    ),
    "a CRLF in a cell": of(
        'code,name,amount\r\n1,"a\r\nb",10\r\n', rows=[(2, ["1", "a\r\nb", "10"])], obstacle=BREAK
    ),
    "a line break in the header": of(
        '"code\n",name,amount\n1,a,10\n',
        rows=[(2, ["1", "a", "10"])],
        obstacle="blanks around a name of the header",
    ),
    "a backslash": of(
        'code,name,amount\n1,"a\\",10\n', rows=[(2, ["1", "a\\", "10"])], obstacle="a backslash"
    ),
    "a backslash before a quoted line break": of(
        'code,name,amount\n1,"a\\"\n2,c,d\n',
        rows=[(2, ["1", "a\\"]), (3, ["2", "c", "d"])],
        problems={2: "ragged"},
        obstacle=RAGGED,
    ),
    "a quote inside a cell that is not quoted": of(
        'code,name,amount\n1,5" pipe,10\n',
        rows=[(2, ["1", '5" pipe', "10"])],
        obstacle="a quote inside a cell that is not quoted",
    ),
    "blank lines": of(
        "code,name,amount\n\n1,a,10\n\n2,b,20\n\n",
        rows=[(3, ["1", "a", "10"]), (5, ["2", "b", "20"])],
        obstacle=BLANK,
    ),
    "rows of delimiters only": of(
        "code,name,amount\n1,a,10\n2,b,20\n,,\n,,\n", rows=TWO, obstacle=BLANK
    ),
    "rows of blanks only": of(
        "code,name,amount\n1,a,10\n2,b,20\n  \n ,\t,\n", rows=TWO, obstacle=BLANK
    ),
    "blank lines before the header": of(
        "\n\ncode,name,amount\n1,a,10\n", rows=[(4, ["1", "a", "10"])], obstacle=HEAD
    ),
    "a short row": of(
        "code,name,amount\n1\n2,b,20\n",
        rows=[(2, ["1"]), (3, ["2", "b", "20"])],
        problems={2: "ragged"},
        obstacle=RAGGED,
    ),
    "a long row": of(
        "code,name,amount\n1,a,10,extra\n2,b,20\n",
        rows=[(2, ["1", "a", "10", "extra"]), (3, ["2", "b", "20"])],
        problems={2: "ragged"},
        obstacle=RAGGED,
    ),
    "text after a closing quote": of(
        'code,name,amount\n1,"a"b,10\n2,b,20\n',
        rows=[(2, []), (3, ["2", "b", "20"])],
        problems={2: "quote"},
        obstacle=RAGGED,
    ),
    "a NUL in a cell": of(
        "code,name,amount\n1,a\x00b,10\n2,b,20\n",
        rows=[(2, ["1", "a\x00b", "10"]), (3, ["2", "b", "20"])],
        problems={2: "nul"},
        obstacle="a NUL",
    ),
    "other control characters": of(
        "code,name,amount\n1,a\x01b,10\n", rows=[(2, ["1", "a\x01b", "10"])]
    ),
    "a cell of 200,000 characters": of(
        f"code,name,amount\n1,{LONG},10\n2,b,20\n",
        rows=[(2, ["1", LONG, "10"]), (3, ["2", "b", "20"])],
        problems={2: "too_large"},
        obstacle="a long line",
    ),
    "a cell of 2,000,000 characters": of(
        f"code,name,amount\n1,{LONG * 10},10\n2,b,20\n",
        rows=[(2, ["1", LONG * 10, "10"]), (3, ["2", "b", "20"])],
        problems={2: "too_large"},
        obstacle="a long line",
    ),
    "a quote that is never closed in the last row": refused(
        'code,name,amount\n1,a,10\n2,"b',
        "quote",
        "row 3 opens a quote that is never closed",
    ),
    "a cell of 20,000 characters": of(
        f"code,name,amount\n1,{LONG[:20_000]},10\n",
        rows=[(2, ["1", LONG[:20_000], "10"])],
        obstacle="a long line",
    ),
    "a quote that is never closed": refused(
        'code,name,amount\n1,a,10\n2,"b,20\n3,c,30\n',
        "quote",
        "row 3 opens a quote that is never closed",
    ),
    "a quote that is never closed, in a large file": refused(
        'code,name,amount\n1,"a,10\n' + f"2,{WIDE},20\n" * 36_000,
        "endless_row",
        "row 2 has more than 16777216 characters, or opens a quote that is never closed",
    ),
    "one endless line": refused(
        "code,name,amount\n" + "1,a," * 5_000_000,
        "endless_row",
        "row 2 has more than 16777216 characters, or opens a quote that is never closed",
    ),
    "a record that never ends": refused(
        "code,name,amount\n" + f'"{WIDE}\n",' * 36_000,
        "endless_row",
        "row 2 has more than 16777216 characters, or opens a quote that is never closed",
    ),
    "empty": of("", rows=[]),
    "blank lines only": of("\n\n \n", rows=[]),
    "a byte order mark only": Case(b"\xef\xbb\xbf", rows=[], obstacle=ENCODING),
    "the header only": of("code,name,amount\n", rows=[]),
    "the header only, no line end": of("code,name,amount", rows=[]),
    "a name twice": refused(
        "code,name,Name\n1,a,b\n",
        "header_duplicate",
        "the header names 'name' more than once",
    ),
    "an alias beside its column": refused(
        "code,name,amount,price\n1,a,1,1\n",
        "header_duplicate",
        "the header names 'amount' more than once",
    ),
    "a needed column missing": refused(
        "code,amount\n1,10\n",
        "header_missing",
        "the header lacks 'name'; it has 'code', 'amount'",
    ),
    "an unknown column": refused(
        "code,name,colour\n1,a,red\n",
        "header_unknown",
        "the header has 'colour', which this table does not know;"
        " it knows 'code', 'name', 'amount'",
    ),
    "unknown columns of one name that are left out": of(
        "code,name,x,x\n1,a,2,3\n",
        rows=[(2, ["1", "a", "2", "3"])],
        columns=LENIENT,
        obstacle="a name that is twice in the header",
    ),
    "an unknown column that is left out": of(
        "code,name,colour\n1,a,red\n", rows=[(2, ["1", "a", "red"])], columns=LENIENT
    ),
    "a column without a name": refused(
        "code,name,\n1,a,\n",
        "header_empty",
        "column C has no name; name it or remove it",
    ),
    "no header": refused(
        "1,a,10\n2,b,20\n",
        "header_missing",
        "the header lacks 'code', 'name'; it has '1', 'a', '10'",
    ),
    "a header of 600 columns": refused(
        ",".join(f"c{n}" for n in range(600)) + "\n",
        "header_too_large",
        "the header has 600 columns and 2290 bytes; at most 500 and 16384 are read",
    ),
    "a quote fault in the header": refused(
        '"code"x,name,amount\n1,a,10\n',
        "quote",
        "row 1: text follows a closing quote; double a quote inside a cell",
    ),
    "XLSX": refused(
        zipped("[Content_Types].xml", "xl/workbook.xml"),
        "not_csv",
        "this is an Excel workbook (XLSX), not CSV; save it as CSV UTF-8",
    ),
    "ZIP": refused(
        zipped("airports.csv"), "not_csv", "this is a ZIP archive, not CSV; save it as CSV UTF-8"
    ),
    "XLS": refused(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        "not_csv",
        "this is an old Excel workbook (XLS), not CSV; save it as CSV UTF-8",
    ),
    "gzip": refused(
        gzip.compress(b"code,name\n1,a\n", mtime=0),
        "not_csv",
        "this is a gzip archive, not CSV; save it as CSV UTF-8",
    ),
    "PDF": refused(b"%PDF-1.7\n...", "not_csv", "this is a PDF, not CSV; save it as CSV UTF-8"),
    "HTML": refused(
        "\n<!DOCTYPE html><html><body>Sign in</body></html>",
        "not_csv",
        "this is an HTML page, not CSV; save it as CSV UTF-8",
    ),
    "XML": refused(
        "<?xml version='1.0'?><Error>AccessDenied</Error>",
        "not_csv",
        "this is an XML document, not CSV; save it as CSV UTF-8",
    ),
    "JSON": refused('[{"code": 1}]', "not_csv", "this is JSON, not CSV; save it as CSV UTF-8"),
    "PNG": refused(
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "not_csv",
        "this is an image, not CSV; save it as CSV UTF-8",
    ),
    "UTF-32": refused(
        "code,name\n".encode("utf-32"), "not_csv", "this is UTF-32, not CSV; save it as CSV UTF-8"
    ),
    "binary": refused(
        bytes(range(256)) * 20,
        "not_csv",
        "this is a binary file, not CSV; save it as CSV UTF-8",
    ),
    "zeros": refused(
        bytes(5000), "not_csv", "this is a binary file, not CSV; save it as CSV UTF-8"
    ),
}
