-- One row per domain under which anybody may have an address: it makes no company.
-- key: domain
select unnest([
    -- the large free ones
    'gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'live.com', 'msn.com',
    'yahoo.com', 'ymail.com', 'rocketmail.com', 'aol.com', 'icloud.com', 'me.com', 'mac.com',
    'proton.me', 'protonmail.com', 'pm.me', 'tutanota.com', 'fastmail.com', 'hey.com', 'zoho.com',
    'mail.com', 'email.com', 'gmx.com', 'hushmail.com', 'duck.com',
    -- by country
    'gmx.de', 'gmx.net', 'gmx.at', 'gmx.ch', 'web.de', 't-online.de', 'freenet.de', 'arcor.de',
    'hotmail.co.uk', 'live.co.uk', 'outlook.de', 'hotmail.de', 'hotmail.fr', 'hotmail.it',
    'hotmail.es', 'outlook.fr', 'live.fr', 'live.nl',
    'yahoo.co.uk', 'yahoo.de', 'yahoo.fr', 'yahoo.it', 'yahoo.es', 'yahoo.ca', 'yahoo.co.in',
    'yahoo.co.jp', 'yahoo.com.br', 'yahoo.com.au',
    'btinternet.com', 'virginmedia.com', 'sky.com', 'talktalk.net', 'ntlworld.com',
    'orange.fr', 'wanadoo.fr', 'free.fr', 'laposte.net', 'sfr.fr', 'neuf.fr',
    'libero.it', 'virgilio.it', 'tiscali.it', 'alice.it', 'terra.es', 'telefonica.net',
    'ziggo.nl', 'kpnmail.nl', 'planet.nl', 'telenet.be', 'skynet.be', 'bluewin.ch', 'seznam.cz',
    'wp.pl', 'o2.pl', 'onet.pl', 'interia.pl', 'mail.ru', 'yandex.ru', 'yandex.com', 'ukr.net',
    'qq.com', '163.com', '126.com', 'sina.com', 'foxmail.com', 'naver.com', 'daum.net',
    'hanmail.net', 'docomo.ne.jp', 'ezweb.ne.jp', 'softbank.ne.jp', 'rediffmail.com',
    'uol.com.br', 'bol.com.br', 'terra.com.br', 'bigpond.com', 'optusnet.com.au', 'xtra.co.nz',
    -- by access provider in North America
    'comcast.net', 'verizon.net', 'att.net', 'sbcglobal.net', 'bellsouth.net', 'cox.net',
    'charter.net', 'earthlink.net', 'juno.com', 'rogers.com', 'shaw.ca', 'sympatico.ca',
    -- hides the address of a person
    'privaterelay.appleid.com', 'users.noreply.github.com', 'mozmail.com', 'simplelogin.com',
    -- thrown away
    'mailinator.com', 'guerrillamail.com', '10minutemail.com', 'yopmail.com', 'temp-mail.org',
    'trashmail.com', 'sharklasers.com',
    -- reserved for examples: https://www.rfc-editor.org/rfc/rfc2606
    'example.com', 'example.org', 'example.net'
]) as domain
