"""The lists from which surrogates are made: common words of each kind, which name no real person."""

from collections.abc import Sequence
from typing import Final

FIRST: Final = tuple(
    "Alice Arthur Beatrice Benjamin Charlotte Colin Diana Dominic Eleanor Edmund Fiona Felix Georgia Gilbert Hannah "
    "Hugo Isabel Ivan Joanna Julian Katherine Kenneth Laura Leonard Matilda Martin Nora Nathan Olivia Oscar Penelope "
    "Philip Rosalind Rupert Sylvia Simon Theresa Tobias Veronica Vincent".split()
)
LAST: Final = tuple(
    "Ashford Barlow Calloway Dunmore Ellery Fairbank Garrick Hartwell Ingleby Jessop Kendrick Langdon Merrick Norwood "
    "Oakley Pemberton Quigley Radley Sheldon Thornbury Underhill Vickers Wakefield Yardley Aldridge Brockway Cresswell "
    "Denholm Everett Fulford".split()
)
FIRST_INDIAN: Final = tuple(
    "Aarav Aditi Akash Ananya Arjun Asha Bhavna Chetan Deepa Dinesh Farhan Gauri Girish Harini Ishaan Jaya Kabir Kavya "
    "Lakshmi Manoj Meera Mohan Naveen Nisha Omkar Padma Pranav Radha Rohit Sanjana Shreya Suresh Tara Uday Vani Vivek "
    "Yamini Zoya Hemant Leela".split()
)
LAST_INDIAN: Final = tuple(
    "Acharya Bajaj Bhatt Chandra Deshmukh Dutta Gokhale Iyengar Jadhav Kamath Kulkarni Mahajan Menon Nambiar Pillai "
    "Prabhu Rathore Saxena Shetty Sinha Srinivas Thakur Tripathi Varma Wadhwa Agarwal Chopra Gowda".split()
)
_INDIAN_WORDS: Final = frozenset(
    "singh kaur kumar sharma patel gupta reddy rao nair iyer khan das joshi mehta shah verma mishra yadav pandey devi "
    "priya rahul amit anita sunita rajesh suresh ramesh lakshmi krishna ganesh arun anil vijay sanjay deepak neha "
    "pooja anjali kiran ravi mohan rohan ananya".split()
)
AREA_CODES: Final = tuple("202 206 212 213 303 305 312 404 415 503 512 602 612 617 702 713 801 808 816 919".split())
"""With the exchange 555 and a line of 0100 to 0199, which are reserved for fiction in all of them."""
NETWORKS: Final = ("192.0.2", "198.51.100", "203.0.113")
MONTHS: Final = tuple("January February March April May June July August September October November December".split())
STREETS: Final = (
    "Example Street, Sampleton",
    "Specimen Road, Testbury",
    "Placeholder Lane, Nowhere Green",
    "Model Avenue, Demoville",
    "Fictional Close, Sampleton",
)
PLACES: Final = ("Sampleton", "Testbury", "Demoville", "Exampleford", "Nowhere Green", "Specimen Bay")
FIRMS: Final = ("Example Trading", "Sample Industries", "Specimen Partners", "Placeholder Bank", "Demo Logistics")


def names_like(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """First and last names of the culture that a name's words speak of."""
    low = [word.casefold() for word in words]
    if any(word in _INDIAN_WORDS for word in low):
        return FIRST_INDIAN, LAST_INDIAN
    return FIRST, LAST
