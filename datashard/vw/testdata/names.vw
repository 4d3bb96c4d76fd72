0 | price:.23 sqft:.25 age:.05 2006
1 2 'second_house | price:.18 sqft:.15 age:.35 1976
-1 0.5 |user:0.5 id=17 country=Österreich country=Österreich:0.25 |item 世界:3 a ab abc abcd abcde abcdef abcdefg abcdefgh abcdefghi
1 |12 a 12 0012:7 |é é:1e-3 |f 1.5:2 -1:2 1e5:2 12a:2 a12:2
0 | 4294967295 4294967296:2 18446744073709551615:3 a^b a=b a,b 'a "a" #a \a |x:-0.1 a:0.3 a:0.7 a:-1.1
