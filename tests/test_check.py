"""The checks of the first two episodes: right answers pass, wrong ones are told apart, nothing raises."""

import pytest

from safeshare import check

LETTERS = {keyword: letters[0] for keyword, letters in check.SAFE_HARBOR_LETTERS.items()}


@pytest.mark.parametrize("letters", ["R", "c", "RC", "R, C", "C/R"])
def test_a_number_in_which_a_date_hides_may_have_both_letters(passes, letters):
    assert passes(check.safe_harbor, LETTERS | {"StudyInstanceUID": letters})


@pytest.mark.parametrize(
    ("keyword", "letters", "problem"),
    [
        ("StudyInstanceUID", "RCA", "Another letter"),
        ("StudyInstanceUID", "-", "is among the 18"),
        ("PatientSex", "A", "is it really among them"),
        ("PatientName", "", "a letter from A to R"),
        ("PatientName", " , ", "a letter from A to R"),
        ("PatientName", None, "is among the 18"),
    ],
)
def test_letters_that_do_not_fit(said, keyword, letters, problem):
    (line,) = said(check.safe_harbor, LETTERS | {keyword: letters})
    assert problem in line and keyword in line


def test_no_answer(said):
    assert "a dictionary" in said(check.safe_harbor, None)[0]
