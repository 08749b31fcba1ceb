"""
What guessers try first: words that many choose, in lower case and without the signs that people put for letters.

A list of our own of what every published count of leaked passwords begins with, and of keys in their order on a
keyboard. It is short because `domain.accounts.passwords` looks for these words *in* a password, behind digits and
signs too: "Password2024!" is found by "password".
"""

_WORDS = """
password passwort passwd passphrase passcode contrasena motdepasse wachtwoord secret topsecret geheim letmein
letmeinnow opensesame welcome welcomeback willkommen hello changeme changeit changethis default temporary guest login
signin logmein access admin administrator superuser sysadmin master support manager service system server database
mysql mongodb redis qwerty qwertz azerty qwertyuiop qwertzuiop asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc
asdfzxcv qweasdzxc poiuytrewq lkjhgfdsa mnbvcxz iloveyou iloveu loveyou trustnoone whatever nothing nopassword
mypassword newpassword computer internet google facebook youtube microsoft windows iphone apple amazon netflix pokemon
minecraft fortnite playstation nintendo starwars startrek skywalker potter matrix batman superman spiderman dragon
dragonball monkey tiger butterfly phoenix unicorn princess angel devil jesus blessed freedom peace forever destiny
sunshine rainbow flower summer winter autumn spring september december friday sunday birthday christmas holiday
football soccer baseball basketball softball liverpool arsenal barcelona juventus manchester yankees ferrari porsche
mercedes mustang chocolate cookie cheese banana orange coffee ginger michael jennifer jordan daniel ashley snoopy
buster hunter killer shadow ninja hacker diamond golden thunder lightning correcthorsebatterystaple example testing
tester testtest company business private account
"""

COMMON_WORDS = frozenset(_WORDS.split())
