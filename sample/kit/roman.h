/* Roman numerals from 1 to 3999. */
#ifndef KIT_ROMAN_H
#define KIT_ROMAN_H

const char *roman_print(int number, char buffer[16]); /* NULL: out of range */
int roman_parse(const char *text);                    /* 0: no numeral as Romans write it */

#endif
