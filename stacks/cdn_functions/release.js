import cloudfront from 'cloudfront';

// Answers each request from the files of the release that the store names. The cache knows a file
// by the path that it gets here, so that a change of the name takes effect at once, forth and back.
async function handler(event) {
    const request = event.request;
    const release = await cloudfront.kvs().get('release');
    const isFile = /\.[^/]+$/.test(request.uri) || request.uri.startsWith('/.well-known/');
    // A path of the application, which its first page knows what to show for.
    const path = isFile ? request.uri : '/index.html';
    request.uri = `/releases/${release}${path}`;
    return request;
}
