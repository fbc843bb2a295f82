// Says that nothing is there, to whatever is asked. Nothing behind it is needed.
function handler(event) {
    const accept = event.request.headers.accept;
    const isPage = accept !== undefined && accept.value.includes('text/html');
    return {
        statusCode: 503,
        statusDescription: 'Service Unavailable',
        headers: {
            'cache-control': {value: 'no-store'},
            'content-security-policy': {value: "default-src 'none'; frame-ancestors 'none'"},
            'content-type': {value: isPage ? 'text/html; charset=utf-8' : 'application/json'},
            'retry-after': {value: '60'},
            'strict-transport-security': {value: 'max-age=31536000; includeSubDomains'},
            'x-content-type-options': {value: 'nosniff'},
            'x-frame-options': {value: 'DENY'},
        },
        body: isPage
            ? '<!doctype html><html lang="en"><title>Unavailable</title><h1>We are down</h1>' +
              '<p>Nothing here works at the moment. Please try again in a minute.</p></html>'
            : '{"error": "unavailable"}',
    };
}
